# What the demos share; sourced. Needs $dfsnode (the program) and $scratch (an own directory).
cluster=

end() {
  local status=$?
  [ -z "$cluster" ] || { kill -TERM "$cluster" 2>/dev/null && wait "$cluster" || true; }
  rm -rf "$scratch"
  exit $status
}
trap end EXIT
trap 'exit 130' INT TERM

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || step() { printf '\n%s\n' "$*"; }
run() {
  printf '$ dfsnode %s\n' "$*"
  "$dfsnode" "$@"
}
die() { echo "demo: $*" >&2; exit 1; }
now() { date +%s%N; }
seconds_since() { awk -v a="$1" -v b="$(now)" 'BEGIN {printf "%.1f", (b - a) / 1e9}'; }
pid_of() { awk -v name="$1" '$1 == name {print $2}' "$dir/pids"; }

# Waits until a command succeeds: wait_until SECONDS COMMAND…
wait_until() {
  local limit=$1 begin
  shift
  begin=$(now)
  until "$@"; do
    [ "$(($(now) - begin))" -lt "${limit}000000000" ] || die "not within $limit s: $*"
    sleep 0.1
  done
}

# Starts `dfsnode dev` in the directory $dir and waits until it is ready.
start_cluster() {
  printf '$ dfsnode dev %s --dir %s &\n' "$*" "$dir"
  mkfifo "$scratch/ready"
  "$dfsnode" dev "$@" --dir "$dir" >"$scratch/ready" 2>"$scratch/dev.log" &
  cluster=$!
  read -r ready <"$scratch/ready" || { cat "$scratch/dev.log" >&2; die "the cluster did not start"; }
  echo "$ready"
  export DFSNODE_CONFIG=$dir/client.toml
}

end_cluster() {
  kill -TERM "$cluster"
  wait "$cluster" || die "the cluster did not end clean"
  cluster=
  ! pgrep -f "$dir" >/dev/null || die "something is left running"
  echo "nothing is left running"
}
