#!/usr/bin/env bash
# The second part of ./dev demo: real files on a cluster that loses servers.
# Usage: tools/demo_files.sh DFSNODE [DIRECTORY [MIB]]
set -euo pipefail

dfsnode=$(readlink -f "$1")
source_dir=${2:-/usr/share/doc}
mib=${3:-512}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/dfsnode-demo.XXXXXX")
dir=$scratch/cluster
# shellcheck source=tools/demo_common.sh
. "$(dirname "$0")/demo_common.sh"

checksums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum); }
healthy() { "$dfsnode" status >/dev/null; }
lines_of() { "$dfsnode" records "$1" | wc -l; }

step "A cluster with four chunkservers, three copies of everything"
start_cluster --nodes 4
wait_until 10 healthy

step "A directory of real files: $(find "$source_dir" -type f | wc -l) of them"
mkdir "$scratch/tree"
cp -rL "$source_dir/." "$scratch/tree/" 2>/dev/null || true
begin=$(now)
run put -r "$scratch/tree" /doc
echo "in $(seconds_since "$begin") s"
run du /doc

step "A file of $mib MiB; in the middle of it chunkserver-2 is killed (SIGKILL)"
head -c "$((mib * 1024 * 1024))" /dev/urandom >"$scratch/big"
printf '$ dfsnode put %s /big &\n' "$scratch/big"
"$dfsnode" put "$scratch/big" /big &
putting=$!
sleep 0.2
kill -KILL "$(pid_of chunkserver-2)"
wait "$putting" || die "the put failed"
run stat /big

step "It is read while chunkserver-3 stands still (SIGSTOP)"
stopped=$(pid_of chunkserver-3)
printf '$ dfsnode get /big %s &\n' "$scratch/big.back"
"$dfsnode" get /big "$scratch/big.back" &
getting=$!
sleep 0.1
kill -STOP "$stopped"
wait "$getting" || { kill -CONT "$stopped"; die "the get failed"; }
kill -CONT "$stopped"
cmp "$scratch/big" "$scratch/big.back" || die "the file is another one"
echo "equal, byte for byte"

step "The copies that were lost are made again"
begin=$(now)
repaired() {
  # It ends with 1 while the dead server is missed.
  "$dfsnode" status >"$scratch/status" || true
  grep -qx 'repairs  *none' "$scratch/status" && grep -qx 'under replicated  *0' "$scratch/status"
}
wait_until 120 repaired
echo "all copies are there $(seconds_since "$begin") s later; the dead server is still missed:"
run status || true

step "The dead server comes back; what is current there is used, the rest is collected"
run dev start chunkserver-2 --dir "$dir"
wait_until 60 healthy
run status

step "Every byte of the directory, back and compared"
run get -r /doc "$scratch/doc.back"
cmp <(checksums "$scratch/tree") <(checksums "$scratch/doc.back") || die "the trees differ"
echo "$(checksums "$scratch/tree" | wc -l) checksums are equal"

step "Eight writers append to one file, 200 records each"
for writer in 1 2 3 4 5 6 7 8; do
  (for i in $(seq 200); do echo "writer $writer record $i"; done \
    | "$dfsnode" append --record --lines /log - >/dev/null) &
  writers="${writers:-} $!"
done
for writer in $writers; do
  wait "$writer" || die "a writer failed"
done
"$dfsnode" records /log | sort >"$scratch/records"
[ "$(wc -l <"$scratch/records")" = 1600 ] || die "$(wc -l <"$scratch/records") records instead of 1600"
[ "$(sort -u "$scratch/records" | wc -l)" = 1600 ] || die "a record is there twice"
echo "1600 records: none lost, none doubled, none torn"
run explain /log

step "Deleted, and back out of the trash"
run rm -r /doc
run trash ls
run trash restore /doc
run du /doc

step "The end"
end_cluster
