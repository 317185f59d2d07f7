#!/usr/bin/env bash
# The third part of ./dev demo: versions of a real file on five file servers,
# two of which are lost one after the other. Usage: tools/demo_versions.sh DFSNODE
set -euo pipefail

dfsnode=$(readlink -f "$1")
root=$(readlink -f "$(dirname "$0")/..")
scratch=$(mktemp -d "${TMPDIR:-/tmp}/dfsnode-demo.XXXXXX")
dir=$scratch/cluster
# shellcheck source=tools/demo_common.sh
. "$(dirname "$0")/demo_common.sh"

sum() { sha256sum <"$1" | cut -d' ' -f1; }
# A field of the JSON on standard input: field NAME
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" | head -n 1; }
groups_are_whole() { [ "$("$dfsnode" groups --unhealthy --json)" = "[]" ]; }
# What status says about file servers, groups and their repairs.
show_fileservers() {
  "$dfsnode" status >"$scratch/status" || true # 1 while somebody is missed.
  grep -E '^(groups|SERVER .*PHASE|fileserver-|FAILED|FILESERVER_|GROUPS_)' "$scratch/status" || true
}
repairs() { "$dfsnode" status 2>/dev/null | sed -n '/^FAILED/,/^$/p' | sed 1d | grep . || true; }

# Each client has a name and rights of its own.
new_client() {
  "$dfsnode" cluster user "$1" --rights writer --dir "$dir/ca" --out "$scratch/$1" >/dev/null
  sed "s|^bundle = .*|bundle = \"$scratch/$1\"|" "$DFSNODE_CONFIG" >"$scratch/$1.toml"
  mkdir "$scratch/put.$1"
}

# edit CLIENT COUNT: puts that many versions of the file, each with a line more,
# and keeps what it has put under the number of the version that it became.
edit() {
  local client=$1 count=$2 draft=$scratch/$1.draft i said
  cp "$root/README.md" "$draft"
  for i in $(seq "$count"); do
    echo "Edited by $client, time $i." >>"$draft"
    said=$("$dfsnode" put "$draft" /docs/README.md --config "$scratch/$client.toml" --json)
    cp "$draft" "$scratch/put.$client/$(field version <<<"$said")"
    echo "$client: version $(field version <<<"$said"), $(field copies <<<"$said") of 3 copies now"
  done
}

# Compares the last five versions with what the clients put, and every other
# file with the one it was made from.
compare_everything() {
  local number put back=$scratch/back.$((++comparisons))
  mkdir "$back"
  "$dfsnode" get-versions /docs/README.md 5 "$back/README.md" >"$scratch/got"
  for number in $(awk 'NR > 1 {print $1}' "$scratch/got"); do
    put=$(ls "$scratch"/put.*/"$number")
    [ "$(sum "$put")" = "$(sum "$back/README.md.v$number")" ] \
      || die "version $number is another file than the one that was put"
  done
  [ "$(awk 'NR > 1' "$scratch/got" | wc -l)" = 5 ] || die "not five versions"
  "$dfsnode" get -r /docs/tree "$back/tree" 2>/dev/null
  diff -r "$scratch/tree" "$back/tree" || die "the trees differ"
  echo "equal: 5 versions and $(find "$scratch/tree" -type f | wc -l) other files"
}
comparisons=0

# kill_and_watch SERVER: with SIGKILL; shows the repair until it is complete.
kill_and_watch() {
  local begin said
  begin=$(now)
  kill -KILL "$(pid_of "$1")"
  run get /docs/README.md "$scratch/at-once"
  [ "$(sum "$scratch/at-once")" = "$(sum "$(ls "$scratch"/put.*/"$newest")")" ] \
    || die "the newest version is another one"
  echo "read $(seconds_since "$begin") s after the kill, and it is version $newest"
  sleep 0.3
  show_fileservers
  until groups_are_whole && [ -z "$(repairs)" ]; do
    [ "$(($(now) - begin))" -lt 60000000000 ] || die "not repaired within 60 s"
    said=$(repairs)
    [ -z "$said" ] || printf '%5s s  %s\n' "$(seconds_since "$begin")" "$said"
    sleep 0.3
  done
  echo "all files are on three servers again $(seconds_since "$begin") s after the kill"
}

step "A cluster with five file servers; each file is on three of them, two answer for it"
start_cluster --nodes 5
new_client alice
new_client bob
wait_until 30 groups_are_whole
run store

step "A directory of versioned files, and some real files to fill it"
run mkdir --class versioned /docs
cp -r "$root/docs" "$scratch/tree"
cp "$dfsnode" "$scratch/tree/dfsnode"
run put -r "$scratch/tree" /docs/tree
run ls -l /docs/tree

step "Alice and Bob put five versions of README.md at the same time"
edit alice 3 &
alice=$!
edit bob 2 &
bob=$!
wait "$alice" || die "alice could not put"
wait "$bob" || die "bob could not put"
newest=5
run versions /docs/README.md
run stat /docs/README.md

step "All five come back, each as it was put"
run get-versions /docs/README.md 5 "$scratch/README.md"
compare_everything

first=$("$dfsnode" stat /docs/README.md --json | sed 's/.*"servers":\["\([^"]*\)".*/\1/')
step "$first, which leads that file, is killed (SIGKILL)"
kill_and_watch "$first"
compare_everything

second=$("$dfsnode" stat /docs/README.md --json | sed 's/.*"servers":\["\([^"]*\)".*/\1/')
step "$second, which leads it now, is killed, too: three are left"
kill_and_watch "$second"
compare_everything

step "Writing goes on: version 6 by Bob, and the oldest one goes"
edit bob 1
newest=6
run versions /docs/README.md
run diff /docs/README.md 5 6 || [ $? = 1 ]

step "$first comes back: what it had is set aside, wiped, and it is filled anew"
run dev start "$first" --dir "$dir"
begin=$(now)
# Name, phase, groups, files, missing, set aside.
told() { "$dfsnode" status | awk -v name="$first" '$1 == name {print $4, $5, $7, $8, $9}' || true; }
said=
refilled() {
  local phase groups files missing aside now_said
  read -r phase groups files missing aside <<<"$(told)" || return 1
  now_said="$phase; groups $groups, files $files, contents to fetch $missing, files set aside $aside"
  [ "$now_said" = "$said" ] || printf '%5s s  %s\n' "$(seconds_since "$begin")" "$now_said"
  said=$now_said
  [ "$phase" = up ] && [ "$groups" -gt 0 ] && [ "$files" -gt 0 ] && [ "$missing" = 0 ] && [ "$aside" = 0 ]
}
until refilled; do
  [ "$(($(now) - begin))" -lt 60000000000 ] || die "not refilled within 60 s"
  sleep 0.3
done
wait_until 30 groups_are_whole
show_fileservers
compare_everything

step "The end"
end_cluster
