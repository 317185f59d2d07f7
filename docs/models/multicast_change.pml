/* The change of configuration of the ordered multicast, rule `majority`:
 * docs/protocols/multicast.md, "Change" and "Why what is final stays".
 * README.md beside this file tells what is modelled, what is left out and why,
 * and how to read a counterexample. tools/check_models.py runs it.
 *
 *   N         servers, 3 to 5
 *   CHANGES   attempts after the first configuration, 1 to 5
 *   PLACES    places of the order
 *   SET2 ...  the members of attempt 2, 3, 4; any if 0
 *   HIGHEST   the rule `highest-id` instead of `majority`
 *   RESTARTS  servers restart, as a step of its own
 *
 * Ids of configurations and ballots are the same numbers, 1 to LAST; 0 is none.
 * Sets of servers, and sets of ids, are bit masks.
 */
#ifndef N
#define N 3
#endif
#ifndef CHANGES
#define CHANGES 3
#endif
#ifndef PLACES
#define PLACES 1
#endif

/* The members of each attempt, if only such runs are to be searched. */
#ifndef SET2
#define SET2 0
#define SET3 0
#define SET4 0
#endif
#define GIVEN(id)                                                             \
  ((id) == 2 -> SET2                                                          \
             : ((id) == 3 -> SET3 : ((id) == 4 -> SET4 : 0)))

#define LAST (CHANGES + 1)
#define IDS (LAST + 1)
#define ALL ((1 << N) - 1)
#define BIT(x) (1 << (x))
#define ABOVE(id) (255 & ~((2 << (id)) - 1)) /* ids that are higher */
#define COUNT(x)                                                              \
  (((x) & 1) + (((x) >> 1) & 1) + (((x) >> 2) & 1) + (((x) >> 3) & 1)         \
   + (((x) >> 4) & 1))
/* Is server s the highest of the set? Then it leads it. */
#define HIGHEST_OF(x, s) ((x) < (2 << (s)) && ((x) & BIT(s)))
#define HAS_HIGHEST(of, some) (((of) & (some)) * 2 > (of))

#ifdef HIGHEST
#define QUORUM(of, some) HAS_HIGHEST(members[of], some)
#define IS_SAFE(of, some) (COUNT(some) >= COUNT(members[of]))
#define LEAST_MEMBERS 1
#else
#ifdef HALF_IS_SAFE
#define IS_SAFE(of, some) (2 * COUNT(some) >= COUNT(members[of]))
#else
#define IS_SAFE(of, some) (2 * COUNT(some) > COUNT(members[of]))
#endif
#define QUORUM(of, some)                                                      \
  (2 * COUNT(members[of] & (some)) > COUNT(members[of])                       \
   || (2 * COUNT(members[of] & (some)) == COUNT(members[of])                  \
       && HAS_HIGHEST(members[of], some)))
#define LEAST_MEMBERS 2
#endif

/* The place at which k stands in an array with one row of places for each. */
#define AT(row, k) ((row) * PLACES + (k))
/* What configuration `id` has at place k, from 0: an owner gives a place once,
 * so the configuration that gave it stands for the message (M1). */
#define ORDER(id, k) ((k) < cut[id] -> below[AT(id, k)] : (id))

/* -- a server: all of it durable, but for the last three -- */

byte promised[N];
byte known[N];
byte lineage[N];
byte attempts[N];      /* ids that it remembers */
byte own[N];           /* of these, those that it was committed to itself */
byte logs[N * PLACES]; /* messages, by place */
byte length[N];        /* places that it holds */
byte final[N];         /* of these, those that never change */
byte operates[N];      /* the configuration that it acts in */
byte gathering;        /* servers that wait for the COMMIT of `promised` */
byte lives;            /* servers that have not restarted since they promised */

/* -- a configuration, or an attempt -- */

byte stage[IDS];
byte members[IDS];
byte previous[IDS]; /* the last one known to its members */
byte cut[IDS];
byte below[IDS * PLACES];
byte open[IDS];     /* until COMMIT: attempts that one of `gathered` remembers */
byte lacked[IDS];   /* ... and that a member of theirs does not remember */
byte gathered[IDS]; /* who has promised; from COMMIT on, who is READY */
byte told[IDS * PLACES];  /* who told in it that it holds that place */

#define UNUSED 0
#define GATHERS 1   /* its leader waits for promises */
#define VOID 2      /* its leader has given it up before COMMIT */
#define COMMITS 3   /* its leader has sent it, and waits for all READY */
#define LEFT 4      /* ... or has given it up after COMMIT */
#define INSTALLED 5 /* all are READY: whether anybody installs it is open */

/* What was delivered somewhere, and the lowest configuration that made it
 * final. */
byte delivered[PLACES];
byte final_by[PLACES];

/* Within one step. */
byte set;
hidden byte k, b, n, later;
hidden byte judged;

/* Of the proof. A former rule is to break the promise itself. */
#ifdef FORMER_RULES
#define INVARIANT(x) skip
#else
#define INVARIANT(x) assert(x)
#endif

/* The promise (M2, SPEC Q4): a place is delivered as one message only. */
inline deliver(id, k, what) {
  assert(delivered[k] == 0 || delivered[k] == (what));
  delivered[k] = (what);
  if
  :: final_by[k] == 0 || final_by[k] > (id) -> final_by[k] = (id);
  :: else
  fi;
  later = (id) + 1;
  do
  :: later <= LAST ->
     if
     :: stage[later] >= COMMITS -> holds_final(later, k)
     :: else
     fi;
     later++
  :: else -> break
  od
}

/* The invariant of the proof, for one committed attempt and one place. */
inline holds_final(id, k) {
  INVARIANT(previous[id] >= final_by[k] && cut[id] > (k)
            && below[AT(id, k)] == delivered[k])
}

inline cut_off(s, to) {
  do
  :: length[s] > (to) ->
     length[s]--;
     logs[AT(s, length[s])] = 0
  :: else -> break
  od
}

/* It does not lead lower ballots than that any more. */
inline lose_leads(s, to) {
  b = 2;
  do
  :: b < to ->
     if
     :: HIGHEST_OF(members[b], s) && stage[b] == GATHERS -> make_void(b)
     :: HIGHEST_OF(members[b], s) && stage[b] == COMMITS ->
        stage[b] = LEFT;
        gathered[b] = 0
     :: else
     fi;
     b++
  :: else -> break
  od
}

inline make_void(id) {
  stage[id] = VOID;
  k = 0;
  do
  :: k < N ->
     if
     :: promised[k] == id -> gathering = gathering & ~BIT(k)
     :: else
     fi;
     k++
  :: else -> break
  od;
  gathered[id] = 0;
  open[id] = 0;
  lacked[id] = 0;
  previous[id] = 0;
  cut[id] = 0;
  members[id] = 0;
  k = 0;
  do
  :: k < PLACES ->
     below[AT(id, k)] = 0;
     k++
  :: else -> break
  od
}

/* A leader goes on with members that are fit only, and that all know the same
 * last configuration. Others would promise for nothing: that is left out. */
#ifdef FIT_WITHOUT_CUT
#define IS_FIT(s) (lineage[s] == known[s])
#else
#define IS_FIT(s) (lineage[s] == known[s] && length[s] >= cut[known[s]])
#endif

/* -- GATHER ------------------------------------------------------------------ */

/* A promise, durable; the leader hears the standing that goes with it. */
inline promise(s, id) {
  lose_leads(s, id);
#ifndef ACTS_ON
  operates[s] = 0;
#endif
  promised[s] = id;
  lives = lives | BIT(s);
  gathering = gathering | BIT(s);
  gathered[id] = gathered[id] | BIT(s);
  previous[id] = known[s];
  k = 0;
  do
  :: k < length[s] ->
     INVARIANT(k >= cut[id] || below[AT(id, k)] == logs[AT(s, k)]);
     below[AT(id, k)] = logs[AT(s, k)];
     k++
  :: else -> break
  od;
  if
  :: length[s] > cut[id] -> cut[id] = length[s]
  :: else
  fi;
  open[id] = open[id] | attempts[s];
  b = 2;
  do
  :: b <= LAST ->
     if
     :: (members[b] & BIT(s)) && !(attempts[s] & BIT(b)) ->
        lacked[id] = lacked[id] | BIT(b)
     :: else
     fi;
     b++
  :: else -> break
  od;
  if
  :: gathered[id] == members[id] -> commit(id)
  :: else
  fi
}

/* -- COMMIT ------------------------------------------------------------------ */

inline commit(id) {
  judged = QUORUM(previous[id], members[id]);
  open[id] = open[id] & ~lacked[id] & ABOVE(previous[id]);
  b = 2;
  do
  :: b <= LAST ->
     if
     :: !(open[id] & BIT(b))
     :: else ->
        if /* All of its members are here, and none has installed it. */
        :: (members[b] & ~members[id]) == 0 -> open[id] = open[id] & ~BIT(b)
        :: else ->
#ifndef IGNORES_ATTEMPTS
           judged = judged && QUORUM(b, members[id])
#endif
        fi
     fi;
     b++
  :: else -> break
  od;
  if
  :: !judged -> make_void(id)
  :: else ->
     stage[id] = COMMITS;
     gathered[id] = 0;
     lacked[id] = 0;
     k = 0;
     do
     :: k < PLACES ->
        if
        :: final_by[k] != 0 && final_by[k] < id -> holds_final(id, k)
        :: else
        fi;
        k++
     :: else -> break
     od
  fi
}

inline record(s, id) {
  gathering = gathering & ~BIT(s);
  attempts[s] = open[id] | BIT(id);
#ifdef FORGETS_OWN
  own[s] = BIT(id)
#else
  own[s] = (own[s] & open[id]) | BIT(id)
#endif
}

/* -- TRANSITIONAL, READY ----------------------------------------------------- */

inline get_ready(s, id) {
  k = 0;
  do
  :: k < cut[id] ->
     INVARIANT(k >= length[s] || logs[AT(s, k)] == below[AT(id, k)]);
     logs[AT(s, k)] = below[AT(id, k)];
     k++
  :: else -> break
  od;
  length[s] = cut[id];
  if
  :: stage[id] == COMMITS ->
     gathered[id] = gathered[id] | BIT(s);
     if
     :: gathered[id] == members[id] ->
        stage[id] = INSTALLED;
        gathered[id] = 0
     :: else
     fi
  :: else
  fi
}

/* -- INSTALL ----------------------------------------------------------------- */

#define CAN_INSTALL(s, id)                                                    \
  ((own[s] & BIT(id)) && previous[id] == lineage[s] && length[s] >= cut[id]   \
   && final[s] <= cut[id])

inline install(s, id) {
  lose_leads(s, IDS);
  cut_off(s, cut[id]);
  known[s] = id;
  lineage[s] = id;
  attempts[s] = attempts[s] & ABOVE(id);
  own[s] = own[s] & ABOVE(id);
  gathering = gathering & ~BIT(s);
  operates[s] = (promised[s] == id && (lives & BIT(s)) -> id : 0);
#ifdef FINAL_AT_INSTALL
  final[s] = cut[id];
  n = 0;
  do
  :: n < cut[id] ->
     deliver(id, n, logs[AT(s, n)]);
     n++
  :: else -> break
  od
#else
  n = 0;
  do
  :: operates[s] && n < cut[id] ->
     tell(s, n);
     n++
  :: else -> break
  od
#endif
  n = 0
}

/* -- a server that hears of a configuration of others ------------------------ */

inline hear_of(s, id) {
  if
  :: CAN_INSTALL(s, id) -> install(s, id)
  :: else -> learn(s, id)
  fi
}

inline learn(s, id) {
  lose_leads(s, IDS);
  operates[s] = 0;
  gathering = gathering & ~BIT(s);
  known[s] = id;
  attempts[s] = attempts[s] & ABOVE(id);
  own[s] = own[s] & ABOVE(id);
  cut_off(s, final[s]);
  b = 0
}

inline join(s) {
  k = 0;
  do
  :: k < final[s] ->
     INVARIANT(logs[AT(s, k)] == ORDER(known[s], k));
     k++
  :: else -> break
  od;
  cut_off(s, final[s]);
  gathering = gathering & ~BIT(s);
  lineage[s] = known[s]
}

/* Is that place final, for one of that lineage? */
#define IS_FINAL(id, k)                                                       \
  ((k) < PLACES && final_by[k] != 0 && final_by[k] <= (id))

/* One place below its cut, or one that is final at one of that lineage. */
#define CAN_FETCH(s)                                                          \
  (!operates[s] && lineage[s] == known[s]                                     \
   && (length[s] < cut[known[s]] || IS_FINAL(known[s], length[s])))

inline fetch(s) {
  gathering = gathering & ~BIT(s);
  logs[AT(s, length[s])] = ORDER(known[s], length[s]);
  length[s]++
}

/* It has heard that its next place is final. It need not hear it at once: what
 * it does with that is to keep the place when it learns of others. */
#define CAN_FINISH(s)                                                         \
  (final[s] < length[s]                                                       \
   && (operates[s] -> IS_SAFE(operates[s], told[AT(operates[s], final[s])])   \
                    : lineage[s] == known[s] && IS_FINAL(known[s], final[s])))

/* -- the order in a configuration -------------------------------------------- */

/* It knows its configuration and holds that place, durably: the others may hear
 * of it in a header from now on. */
inline tell(s, n) {
  told[AT(operates[s], n)] = told[AT(operates[s], n)] | BIT(s);
  if
  :: IS_SAFE(operates[s], told[AT(operates[s], n)]) ->
     told[AT(operates[s], n)] = ALL; /* The rest does not matter. */
     deliver(operates[s], n, logs[AT(s, n)])
  :: else
  fi
}

inline order(s) {
  logs[AT(s, length[s])] = operates[s];
  length[s]++;
  tell(s, length[s] - 1)
}

/* -- what a server may do next ------------------------------------------------ */

#define FOR_BALLOT(s, id)                                                     \
  :: d_step { CAN_PROMISE(s, id) -> promise(s, id) }                          \
  :: d_step { CAN_RECORD(s, id) -> record(s, id) }                            \
  :: d_step { CAN_RECORD(s, id) -> record(s, id); get_ready(s, id) }          \
  :: d_step { stage[id] == INSTALLED && promised[s] == id                     \
              && CAN_INSTALL(s, id) -> install(s, id) }                       \
  :: d_step { stage[id] == INSTALLED && id > known[s] ->                      \
              hear_of(s, id) }                                                \
  :: atomic { CAN_BEGIN(s, id) ->                                             \
              choose_members(s, id);                                           \
              d_step { members[id] = set; set = 0; stage[id] = GATHERS;       \
                       promise(s, id) } }

#define CAN_PROMISE(s, id)                                                    \
  (stage[id] == GATHERS && id > promised[s] && (members[id] & BIT(s))         \
   && IS_FIT(s) && known[s] == previous[id])
#define CAN_RECORD(s, id)                                                     \
  (promised[s] == id && (gathering & BIT(s))                                  \
   && (stage[id] == COMMITS || stage[id] == LEFT)                             \
   && previous[id] == lineage[s])
#define CAN_BEGIN(s, id)                                                      \
  (stage[id] == UNUSED && id > promised[s] && IS_FIT(s)                       \
   && (GIVEN(id) == 0 -> CAN_LEAD(s, (2 << s) - 1)                            \
                      : CAN_LEAD(s, GIVEN(id)) && HIGHEST_OF(GIVEN(id), s)))
#define CAN_LEAD(s, some)                                                     \
  (COUNT(some) >= LEAST_MEMBERS && QUORUM(known[s], some))

/* Any set of which s is the highest, or the one that is given. */
inline choose_members(s, id) {
  set = GIVEN(id);
  do
  :: GIVEN(id) == 0 && set < BIT(s) - 1 -> set++
  :: CAN_LEAD(s, set | BIT(s)) -> break
  od;
  set = set | BIT(s)
}

proctype server(byte s) {
end:
  do
  FOR_BALLOT(s, 2)
#if CHANGES > 1
  FOR_BALLOT(s, 3)
#endif
#if CHANGES > 2
  FOR_BALLOT(s, 4)
#endif
#if CHANGES > 3
  FOR_BALLOT(s, 5)
#endif
#if CHANGES > 4
  FOR_BALLOT(s, 6)
#endif
#ifdef RESTARTS
  :: d_step { operates[s] || (lives & BIT(s)) ->
              lose_leads(s, IDS);
              operates[s] = 0;
              gathering = gathering & ~BIT(s);
              lives = lives & ~BIT(s) }
#endif
  :: d_step { lineage[s] != known[s] -> join(s) }
  :: d_step { !operates[s] && CAN_FETCH(s) -> fetch(s) }
  :: d_step { operates[s] && length[s] < PLACES -> order(s) }
  :: d_step { CAN_FINISH(s) -> final[s]++ }
  od
}

init {
  byte s;
  d_step {
    members[1] = ALL;
    stage[1] = INSTALLED;
    lives = ALL;
    s = 0;
    do
    :: s < N ->
       promised[s] = 1;
       known[s] = 1;
       lineage[s] = 1;
       operates[s] = 1;
       s++
    :: else -> break
    od;
    s = 0
  }
  atomic {
    do
    :: s < N -> run server(s); s++
    :: else -> break
    od;
    s = 0
  }
}
