/* What Corosync's own cpgbench does, which Debian does not package: one sender
 * multicasts messages of one size to a closed process group as fast as it may,
 * and counts what is delivered to it. Prints `name value unit`.
 * Built by ./dev bench queue: cc cpg_bench.c -lcpg. Usage: cpg_bench BYTES SECONDS MEMBERS */
#include <corosync/cpg.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

static unsigned long delivered;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

static void on_deliver(cpg_handle_t handle, const struct cpg_name* group,
                       uint32_t node, uint32_t pid, void* message,
                       size_t length) {
  (void) handle, (void) group, (void) node, (void) pid, (void) message,
    (void) length;
  ++delivered;
}

static void on_change(cpg_handle_t handle, const struct cpg_name* group,
                      const struct cpg_address* members, size_t members_count,
                      const struct cpg_address* left, size_t left_count,
                      const struct cpg_address* joined, size_t joined_count) {
  (void) handle, (void) group, (void) members, (void) members_count,
    (void) left, (void) left_count, (void) joined, (void) joined_count;
}

int main(int argc, char** argv) {
  if (argc != 3)
    return 2;
  const size_t size = (size_t) atol(argv[1]);
  const double seconds = atof(argv[2]);
  cpg_callbacks_t callbacks = {on_deliver, on_change};
  cpg_handle_t handle;
  struct cpg_name group = {5, "bench"};
  if (cpg_initialize(&handle, &callbacks) != CS_OK
      || cpg_join(handle, &group) != CS_OK) {
    fprintf(stderr, "cpg_bench: no corosync\n");
    return 1;
  }
  struct iovec message = {calloc(1, size), size};
  const double began = now();
  double measured = 0;
  unsigned long before = 0;
  for (;;) {
    const double at = now() - began;
    if (measured == 0 && at > 1) { /* Warm. */
      measured = now();
      before = delivered;
    }
    if (at > 1 + seconds)
      break;
    cpg_mcast_joined(handle, CPG_TYPE_AGREED, &message, 1);
    cpg_dispatch(handle, CS_DISPATCH_ALL);
  }
  const double took = now() - measured;
  printf("messages %.6g /s\n", (double) (delivered - before) / took);
  cpg_finalize(handle);
  return 0;
}
