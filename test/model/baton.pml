/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may send which number: the rules of docs/protocol.md 5.3.2, 5.3.3, 5.3.6
 * and 5.3.8, for one outbound SA of one session, two gateways and two stores.
 * README.md says what is in the model and what is not.
 *
 * One process: each turn of the loop is one step of one node, or of the
 * network. Messages are never taken from the network: what was once sent may
 * arrive at any later time, any number of times, in any order, or never.
 */
#ifndef LAST
#define LAST 4 /* sequence numbers */
#endif
#ifndef CLAIMS
#define CLAIMS 2 /* failovers */
#endif
#ifndef CRASHES
#define CRASHES 1 /* of a gateway, whole */
#endif
#ifndef DEATHS
#define DEATHS 1 /* of a gateway's batond alone */
#endif
#ifndef RESTARTS
#define RESTARTS 1 /* of a store, which loses what it has */
#endif
#define EPOCHS 4 /* 1 to 3; 0: none */
#define NOBODY 2

#define GS(g, s) ((g) * 2 + (s))
#define GE(g, e) ((g) * EPOCHS + (e))
#define RS(r, s) ((r) * 2 + (s))
#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* ---- the rules, each of which can be left out -------------------------------------------- */
#ifdef NO_QUORUM /* any store will do */
#define IS_QUORUM(ranks) ((ranks) != 0)
#else /* of two stores the one with rank 1 is enough, the other alone is not */
#define IS_QUORUM(ranks) ((ranks) & 1)
#endif
#ifdef NO_EPOCH /* a store takes any put */
#define IS_STALE_OWNER(s, g, e) false
#else
#define IS_STALE_OWNER(s, g, e) ((e) < owned_in[s] || ((e) == owned_in[s] && owner[s] != (g) && !only_claimed[s]))
#endif
#ifdef NO_STALE /* a store says of any copy that it is current */
#define IS_CURRENT(s) 1
#else
#define IS_CURRENT(s) (current[GS(owner[s], s)] && WAS_PUT_BY_IT(s) && !only_claimed[s])
#endif
#ifdef NO_BOOT /* what an earlier incarnation of the owner has put is current, too */
#define WAS_PUT_BY_IT(s) true
#else
#define WAS_PUT_BY_IT(s) fresh[s]
#endif
#ifdef NO_ABOVE /* a claim begins within the lease of before */
#define BEGIN(number) (number - 1)
#else
#define BEGIN(number) (number)
#endif

/* ---- gateways ---------------------------------------------------------------------------- */
bit sa[2];	    /* the kernel has the SA */
byte number[2];	    /* the last one that it has used, or knows to be used */
byte top[2];	    /* the last one that it has used */
byte since[2];	    /* has an SA: the epoch in which that was granted */
bit proven[2];	    /* owns the session beyond doubt */
byte epoch[2];	    /* in which it has it */
byte lease[2];	    /* as it tells the stores */
bit acked[4];	    /* GS: the store has acknowledged that */
bit counted[4];	    /* GS: it counts the store in */
byte asking[2];	    /* the claim whose answers count */
byte granted_by[2]; /* ranks, in this epoch */
bit was_current[2]; /* one of those that granted was */
byte granted[2];    /* the least of what was granted */

/* ---- stores ------------------------------------------------------------------------------ */
byte owner[2] = NOBODY;
byte owned_in[2]; /* epoch; 0: the store does not know the session */
byte stored[2];	  /* lease */
bit only_claimed[2];
bit current[4];	  /* GS: for that gateway's sessions */
bit fresh[2];	  /* the present incarnation of the owner has put it */
bit forgotten[4]; /* GS: restarted, and the gateway does not know yet */
byte heard_in[4]; /* GS: puts of these epochs were sent to this incarnation; EPOCHS: none */

/* ---- the network ------------------------------------------------------------------------- */
byte put[8]; /* GE: the greatest lease in an SA_Stor of that epoch */
byte claims;
byte claimant[CLAIMS];
bit executed[4];				/* RS */
byte answer_epoch[4], answer_number[4]; /* and one number more is leased */
bit answer_current[4];

#ifdef CONTENT
/*
 * The first owner changes the session once, and acts on it when the stores that it counts in have it: one at least,
 * none of them the one that makes a quorum, perhaps.
 */
bit changed, acted;
bit has[2];	   /* the store's copy is of after the change */
bit has_acked[2];
#define HAS_ALL(g, s) (acked[GS(g, s)] && ((g) == 1 || epoch[0] > 1 || !changed || has_acked[s]))
#define ALL_HAVE ((has_acked[0] || !counted[0]) && (has_acked[1] || !counted[1]) && (has_acked[0] || has_acked[1]))
inline change()
{
	sa[0] && proven[0] && epoch[0] == 1 && !changed;
	changed = 1;
}
inline act()
{
	sa[0] && proven[0] && epoch[0] == 1 && changed && !acted && ALL_HAVE;
	acted = 1;
}
#else
#define HAS_ALL(g, s) acked[GS(g, s)]
#endif

short used; /* numbers that were on the wire */
byte crashes, deaths, restarts;

/*
 * All numbers up to `to` that the kernel may use now are used now: whether it does so later, or not at all,
 * changes nothing else.
 */
inline use(g, to)
{
	do
	:: number[g] < to ->
		number[g]++;
		assert(!(used & (1 << number[g]))); /* invariant 1 */
		used = used | (1 << number[g]);
		top[g] = number[g]
	:: else -> break
	od;
	skip
}

#ifdef NO_FENCE
/* The kernel does not know the lease, and nobody is there to stop it. */
inline overrun(g)
{
	sa[g] && deaths > 0 && number[g] < LAST;
	use(g, number[g] + 1);
}
#endif

/* More numbers are asked for, by a put to both stores. */
inline raise(g)
{
	sa[g] && proven[g] && number[g] == lease[g] && lease[g] < LAST;
	lease[g]++;
	put[GE(g, epoch[g])] = lease[g];
	acked[GS(g, 0)] = 0;
	acked[GS(g, 1)] = 0;
#ifdef NO_LEASE
	use(g, lease[g]);
#endif
}

#define ALL_SAY(g) ((acked[GS(g, 0)] || !counted[GS(g, 0)]) && (acked[GS(g, 1)] || !counted[GS(g, 1)]))
#define RANKS_SAYING(g) (acked[GS(g, 0)] + 2 * acked[GS(g, 1)])
inline grant(g)
{
	sa[g] && proven[g] && number[g] < lease[g] && ALL_SAY(g) && IS_QUORUM(RANKS_SAYING(g));
	use(g, lease[g]);
	since[g] = epoch[g];
}

/* A put of g in epoch e arrives. Its acknowledgement does too: where it does not, no step is made that needs it. */
inline store_put(s, g, e)
{
	put[GE(g, e)] > 0 && e >= heard_in[GS(g, s)] && !IS_STALE_OWNER(s, g, e);
	owner[s] = g;
	owned_in[s] = e;
	stored[s] = MAX(stored[s], put[GE(g, e)]);
	only_claimed[s] = 0;
	fresh[s] = (proven[g] && e == epoch[g]);
#ifdef CONTENT
	has[s] = (g == 0 && e == 1 && changed);
	if
	:: g == 0 && e == 1 && proven[0] && epoch[0] == 1 -> has_acked[s] = changed
	:: else
	fi;
#endif
	if
	:: proven[g] && e == epoch[g] -> acked[GS(g, s)] = (put[GE(g, e)] == lease[g])
	:: else
	fi
}

/* ---- counting in ------------------------------------------------------------------------- */
/*
 * Time is left out but for its order: a store's own time is over when it is written off. Between the two it
 * says that it is not current, and leases wait for it: less can happen than before, and than after. Nothing of
 * this is seen by anybody before a gateway owns the session there, or has proven it: then is early enough.
 */
#define MATTERS(g, s) (proven[g] || owner[s] == g)
inline write_off(g, s)
{
	counted[GS(g, s)] && MATTERS(g, s);
	counted[GS(g, s)] = 0;
#ifndef NO_HOLD
	current[GS(g, s)] = 0;
#endif
}

/* When it has everything. */
inline count_in(g, s)
{
	!counted[GS(g, s)] && MATTERS(g, s) && !forgotten[GS(g, s)] && (!proven[g] || HAS_ALL(g, s));
	counted[GS(g, s)] = 1;
	current[GS(g, s)] = 1;
}

/* The store has another boot ID. */
inline notice(g, s)
{
	forgotten[GS(g, s)];
	forgotten[GS(g, s)] = 0;
	if
	:: proven[g] -> heard_in[GS(g, s)] = epoch[g]
	:: else
	fi;
	counted[GS(g, s)] = 0;
	acked[GS(g, s)] = 0;
#ifdef CONTENT
	if
	:: g == 0 -> has_acked[s] = 0
	:: else
	fi
#endif
}

/* ---- claims ------------------------------------------------------------------------------ */
/* Nobody waits for these any more: fewer states. */
inline drop_answers(g)
{
	if
	:: asking[g] < CLAIMS ->
		answer_epoch[RS(asking[g], 0)] = 0;
		answer_epoch[RS(asking[g], 1)] = 0;
		answer_number[RS(asking[g], 0)] = 0;
		answer_number[RS(asking[g], 1)] = 0;
		answer_current[RS(asking[g], 0)] = 0;
		answer_current[RS(asking[g], 1)] = 0
	:: else
	fi;
	granted_by[g] = 0;
	was_current[g] = 0;
	granted[g] = 0;
	asking[g] = CLAIMS
}

inline claim(g)
{
	claims < CLAIMS;
	drop_answers(g);
	asking[g] = claims;
	claimant[claims] = g;
	claims++;
}

inline execute(r, s)
{
	r < claims && owned_in[s] && owned_in[s] < EPOCHS - 1 && stored[s] < LAST && !executed[RS(r, s)];
#ifdef CONTENT
	/* invariant 5: what counts as current has all that its owner has acted on */
	assert(!IS_CURRENT(s) || owned_in[s] > 1 || !acted || has[s]);
#endif
	if
	:: asking[claimant[r]] == r ->
		answer_number[RS(r, s)] = stored[s];
		answer_epoch[RS(r, s)] = owned_in[s] + 1;
		answer_current[RS(r, s)] = IS_CURRENT(s)
	:: else
	fi;
	executed[RS(r, s)] = 1;
	stored[s]++;
	owned_in[s]++;
	owner[s] = claimant[r];
	only_claimed[s] = 1;
	fresh[s] = 0;
}

inline prove(g)
{
	proven[g] = 1;
	/* invariant 3 */
	assert(!proven[1 - g] || epoch[1 - g] != epoch[g]);
	/* invariant 5: what was given knew of everything that an owner before may use */
	assert(!sa[1 - g] || since[1 - g] > epoch[g] || top[1 - g] <= number[g]);
	sa[g] = 1;
	since[g] = epoch[g];
	use(g, granted[g]);
	if
	:: heard_in[GS(g, 0)] == EPOCHS && !forgotten[GS(g, 0)] -> heard_in[GS(g, 0)] = epoch[g]
	:: else
	fi;
	if
	:: heard_in[GS(g, 1)] == EPOCHS && !forgotten[GS(g, 1)] -> heard_in[GS(g, 1)] = epoch[g]
	:: else
	fi;
	put[GE(g, epoch[g])] = lease[g];
	acked[GS(g, 0)] = 0;
	acked[GS(g, 1)] = 0;
	granted_by[g] = 0; /* of no use any more: fewer states */
	was_current[g] = 0;
	granted[g] = 0
}

inline take_answer(g, s)
{
	asking[g] < CLAIMS && answer_epoch[RS(asking[g], s)] > 0;
	i = RS(asking[g], s);
	number[g] = MAX(number[g], BEGIN(answer_number[i]));
	if
	:: proven[g] && answer_number[i] >= lease[g] ->
		lease[g] = answer_number[i] + 1;
		put[GE(g, epoch[g])] = lease[g];
		acked[GS(g, 0)] = 0;
		acked[GS(g, 1)] = 0
	:: proven[g] && answer_number[i] < lease[g] -> skip
	:: else ->
		lease[g] = MAX(lease[g], answer_number[i] + 1);
		if
		:: answer_epoch[i] > epoch[g] ->
			epoch[g] = answer_epoch[i];
			granted_by[g] = 0;
			was_current[g] = 0
		:: else
		fi;
		if
		:: answer_epoch[i] == epoch[g] ->
			granted_by[g] = granted_by[g] | (1 << s);
			was_current[g] = was_current[g] | answer_current[i]
		:: else
		fi;
		granted[g] = (granted[g] == 0 || answer_number[i] < granted[g] -> answer_number[i] + 1 : granted[g]);
		if
		:: IS_QUORUM(granted_by[g]) && was_current[g] -> prove(g)
		:: else
		fi
	fi;
	i = 0
}

/* ---- what fails -------------------------------------------------------------------------- */
/* A new incarnation of batond. One before may have told the stores that they are counted in. */
inline begin_again(g)
{
	if
	:: owner[0] == g -> fresh[0] = 0
	:: else
	fi;
	if
	:: owner[1] == g -> fresh[1] = 0
	:: else
	fi;
	proven[g] = 0;
	epoch[g] = 0;
	lease[g] = 0;
	acked[GS(g, 0)] = 0;
	acked[GS(g, 1)] = 0;
	counted[GS(g, 0)] = 1;
	counted[GS(g, 1)] = 1;
	drop_answers(g);
}

inline crash(g)
{
	crashes < CRASHES && (sa[g] || asking[g] < CLAIMS);
	crashes++;
	begin_again(g);
	sa[g] = 0;
	since[g] = 0;
	number[g] = 0;
	top[g] = 0;
}

/* batond alone: the kernel goes on. */
inline die(g)
{
	deaths < DEATHS && sa[g];
	deaths++;
	begin_again(g);
}

/*
 * Quorums meet as long as stores remember. What a store alone knew is lost with its memory: so it restarts while the
 * owner knows that it is, and nobody else has the SA or a claim under way (docs/protocol.md 5.3.8).
 */
#define KNOWS(g, s) (owner[s] == g && proven[g] && epoch[g] == owned_in[s])
#define UNDER_WAY(r, s) (r < claims && executed[RS(r, s)] && asking[claimant[r]] == r && !proven[claimant[r]])
#define ALONE(g) (!sa[1 - g] && KNOWS(g, 0) && KNOWS(g, 1))
inline restart(s)
{
	restarts < RESTARTS && (ALONE(0) || ALONE(1)) && !UNDER_WAY(0, s) && !UNDER_WAY(1, s);
	restarts++;
	owner[s] = NOBODY;
	owned_in[s] = 0;
	fresh[s] = 0;
	stored[s] = 0;
	only_claimed[s] = 0;
#ifdef CONTENT
	has[s] = 0;
#endif
	current[GS(0, s)] = 0;
	current[GS(1, s)] = 0;
	forgotten[GS(0, s)] = 1;
	forgotten[GS(1, s)] = 1;
	heard_in[GS(0, s)] = EPOCHS;
	heard_in[GS(1, s)] = EPOCHS;
}

init
{
	byte i;

	d_step {
		/* The first gateway has the session, and both stores know. */
		sa[0] = 1;
		proven[0] = 1;
		epoch[0] = 1;
		since[0] = 1;
		lease[0] = 1;
		use(0, 1);
		asking[0] = CLAIMS;
		asking[1] = CLAIMS;
		put[GE(0, 1)] = 1;
		for (i : 0 .. 1) {
			acked[GS(0, i)] = 1;
			owner[i] = 0;
			owned_in[i] = 1;
			stored[i] = 1;
			fresh[i] = 1
		}
		for (i : 0 .. 3) {
			counted[i] = 1;
			current[i] = 1
		}
		i = 0
	}
	do
#define GATEWAY(g)                                                                                 \
	:: d_step { raise(g) }                                                                     \
	:: d_step { grant(g) }                                                                     \
	:: d_step { claim(g) }                                                                     \
	:: d_step { crash(g) }                                                                     \
	:: d_step { die(g) }
	GATEWAY(0)
	GATEWAY(1)
#ifdef NO_FENCE
	:: d_step { overrun(0) }
	:: d_step { overrun(1) }
#endif
#define WITH(g, s)                                                                                 \
	:: d_step { write_off(g, s) }                                                              \
	:: d_step { count_in(g, s) }                                                               \
	:: d_step { notice(g, s) }                                                                 \
	:: d_step { take_answer(g, s) }                                                            \
	:: d_step { store_put(s, g, 1) }                                                           \
	:: d_step { store_put(s, g, 2) }                                                           \
	:: d_step { store_put(s, g, 3) }
	WITH(0, 0)
	WITH(0, 1)
	WITH(1, 0)
	WITH(1, 1)
	:: d_step { execute(0, 0) }
	:: d_step { execute(0, 1) }
	:: d_step { execute(1, 0) }
	:: d_step { execute(1, 1) }
	:: d_step { restart(0) }
	:: d_step { restart(1) }
#ifdef CONTENT
	:: d_step { change() }
	:: d_step { act() }
#endif
	od
}
