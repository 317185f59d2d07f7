#!/usr/bin/env bash
# The fourth part of ./dev demo: three producers and three consumers on one
# queue, a server killed, a partition cut and healed; every item comes out once.
# Usage: tools/demo_queue.sh DFSNODE
set -euo pipefail

# A network of its own, where a cut harms nobody else.
if [ -z "${DFS_DEMO_NETWORK:-}" ]; then
  if unshare --map-root-user --net true 2>/dev/null && command -v nft >/dev/null; then
    export DFS_DEMO_NETWORK=own
    exec unshare --map-root-user --net --kill-child "$0" "$@"
  fi
  DFS_DEMO_NETWORK=shared
else
  ip link set lo up
fi

dfsnode=$(readlink -f "$1")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/dfsnode-demo.XXXXXX")
dir=$scratch/cluster
items=400 # Of each producer.
# shellcheck source=tools/demo_common.sh
. "$(dirname "$0")/demo_common.sh"

# Whether a server says that it is in the primary: primary SERVER
primary() { "$dfsnode" group --node "$1" --json 2>/dev/null | grep -q '"primary":true'; }
not_primary() { ! primary "$1"; }
all_primary() { primary fileserver-1 && primary fileserver-2 && primary fileserver-3; }
taken() { cat "$scratch"/out.* 2>/dev/null | wc -l; }
# Waits until consumers have so many more: goes_on COUNT
goes_on() {
  local begin before
  before=$(taken)
  begin=$(now)
  until [ "$(taken)" -ge $((before + $1)) ]; do
    [ "$(($(now) - begin))" -lt 30000000000 ] || die "no more items come out"
    sleep 0.05
  done
  echo "$(taken) items have come out; the last $1 within $(seconds_since "$begin") s"
}

step "A cluster with three file servers"
start_cluster --nodes 3
wait_until 30 all_primary
run group

step "A queue, three producers of $items items each, three consumers"
queue=$("$dfsnode" qcreate demo)
echo "queue $queue"
producers=()
consumers=()
for i in 1 2 3; do
  # Some at a time, so that there is something to see.
  seq $((i * 1000 + 1)) $((i * 1000 + items)) | while read -r item; do
    echo "$item"
    sleep 0.05
  done | "$dfsnode" qpush "$queue" - --timeout 60s >/dev/null &
  producers+=($!)
  "$dfsnode" qpop "$queue" --wait=15s --count 100000 --timeout 60s >"$scratch/out.$i" &
  consumers+=($!)
done
goes_on 100

step "fileserver-1 is killed (SIGKILL)"
kill -KILL "$(pid_of fileserver-1)"
goes_on 100
run group --node fileserver-2

step "It comes back, and takes what it missed from the others"
run dev start fileserver-1 --dir "$dir"
wait_until 60 all_primary
goes_on 50

if [ "$DFS_DEMO_NETWORK" = own ]; then
  step "A cable is cut: fileserver-3 hears nobody of the group, and nobody hears it"
  port=$(sed -n 's/.*=fileserver-3@[^:]*:\([0-9]*\)".*/\1/p' "$dir/fileserver-3/node.toml")
  nft -f - <<CUT
add table inet cut
add chain inet cut in { type filter hook input priority 0; }
add rule inet cut in udp dport $port drop
add rule inet cut in udp sport $port drop
CUT
  wait_until 30 not_primary fileserver-3
  goes_on 100
  run group --node fileserver-3
  step "It is healed"
  nft delete table inet cut
  wait_until 60 all_primary
else
  step "No cut: it takes a network namespace and nftables"
fi

step "All producers end, then the consumers, when nothing is left"
for x in "${producers[@]}"; do wait "$x" || die "a producer failed"; done
for x in "${consumers[@]}"; do wait "$x" || die "a consumer failed"; done
run qsize "$queue"
for i in 1 2 3; do seq $((i * 1000 + 1)) $((i * 1000 + items)); done | sort -n >"$scratch/pushed"
sort -n "$scratch"/out.* >"$scratch/popped"
cmp "$scratch/pushed" "$scratch/popped" || die "not every item came out once"
for i in 1 2 3; do
  for out in "$scratch"/out.*; do
    awk -v i="$i" 'int($1 / 1000) == i' "$out" | sort -nc || die "an item overtook another"
  done
done
echo "$(wc -l <"$scratch/popped") items went in, and each came out once, in order"

step "The end"
end_cluster
