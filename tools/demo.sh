#!/usr/bin/env bash
# ./dev demo: a secured cluster on this machine, in real commands that anyone
# can type. Usage: tools/demo.sh DFSNODE
set -euo pipefail

dfsnode=$(readlink -f "$1")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/dfsnode-demo.XXXXXX")
dir=$scratch/cluster
victim=chunkserver-2
. "$(dirname "$0")/demo_common.sh"

# Whether the victim stands in the list of each of the other nodes.
listed_by() {
  local name count=0
  for name in introducer master chunkserver-1 chunkserver-3 fileserver-{1,2,3}; do
    "$dfsnode" members --node "$name" | grep -q "^$victim " && count=$((count + 1))
  done
  echo $count
}
wait_until_listed_by() {
  local wanted=$1 limit=$2 begin=$3
  until [ "$(listed_by)" = "$wanted" ]; do
    [ "$(($(now) - begin))" -lt "${limit}000000000" ] || die "not within $limit s"
    sleep 0.1
  done
}

step "A secured cluster: its own authority, certificates and keys, eight processes"
start_cluster --nodes 3
run members

step "A stranger's certificate opens nothing"
"$dfsnode" cluster init "$scratch/stranger-ca" >/dev/null
"$dfsnode" cluster user mallory --rights admin --dir "$scratch/stranger-ca" --out "$scratch/mallory" >/dev/null
sed "s|^bundle = .*|bundle = \"$scratch/mallory\"|" "$DFSNODE_CONFIG" >"$scratch/mallory.toml"
run members --config "$scratch/mallory.toml" && die "a stranger was let in" || true

step "One server dies: kill -9 of $victim"
old=$("$dfsnode" members | awk -v name="$victim" '$1 == name {print $2}')
begin=$(now)
kill -KILL "$(pid_of "$victim")"
wait_until_listed_by 0 6 "$begin"
echo "gone from all seven lists after $(seconds_since "$begin") s (promised: 6 s)"
run members

step "It is started again and comes back as a new incarnation"
begin=$(now)
run dev start "$victim" --dir "$dir"
wait_until_listed_by 7 6 "$begin"
new=$("$dfsnode" members | awk -v name="$victim" '$1 == name {print $2}')
echo "in all seven lists after $(seconds_since "$begin") s"
echo "was $old"
echo "is  $new"
[ "$old" != "$new" ] || die "the old incarnation is back"

step "What the group plane costs, and what the actors do"
run bandwidth
run console -c actors

step "The end: SIGTERM drains every node"
end_cluster
