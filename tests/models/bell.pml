/* SPDX-FileCopyrightText: 2026 The Hawser authors
 * SPDX-License-Identifier: MIT
 *
 * A bell with marks, arming and disarming (transport/link.hpp): the ringer stores the mark and interrupts only who is
 * armed; the sleeper disarms while it looks anyway. One sleeper, one ringer, two marks that it rings in any order.
 * Marks are counters that only the ringer writes, since nothing here may read-modify-write; taking a mark is
 * remembering its count. Stores wait in a buffer, in order, as in wake.pml.
 *
 * Checked: every ring is noticed after it was made; a sleeper that misses one sleeps for ever (invalid end state).
 * Each define takes one thing away, and must make the check fail (run.py):
 *
 *   NO_RINGER_FENCE   ring() looks at "armed" before its mark is out    NO_SLEEPER_FENCE  arm() without its fence
 *   LOOK_THEN_ARM     the look before the sleep comes before arm()      DISARM_LAST       disarm() just before waiting
 */

#define RINGS 3

byte mark[2];
bool armed = false;
bool interrupt = false;

chan ringer_buffer = [2] of { byte, byte };  /* mark, count */
chan sleeper_buffer = [2] of { bool };       /* armed */

active proctype ringer_stores() {
  byte which;
  byte count;
end:
  do
  :: atomic { ringer_buffer ? which, count -> mark[which] = count }
  od
}
active proctype sleeper_stores() {
  bool value;
end:
  do
  :: atomic { sleeper_buffer ? value -> armed = value }
  od
}

active proctype ringer() {
  byte rung[2];
  byte which;
  byte total = 0;
  do
  :: total < RINGS ->
    if
    :: which = 0
    :: which = 1
    fi;
    rung[which]++;
    total++;
    ringer_buffer ! which, rung[which];
#ifndef NO_RINGER_FENCE
    empty(ringer_buffer);
#endif
    if
    :: armed -> interrupt = true
    :: else -> skip
    fi
  :: else -> break
  od
}

/* Compares and remembers; the sum of both counts is how many rings have been noticed. */
inline take() {
  d_step { taken[0] = mark[0]; taken[1] = mark[1] }
}

active proctype sleeper() {
  byte taken[2];
  bool news;
  do
  :: taken[0] + taken[1] == RINGS -> break
  :: else ->
    take();
    if
    :: taken[0] + taken[1] == RINGS -> break
    :: else -> skip
    fi;
#ifdef LOOK_THEN_ARM
    news = (mark[0] != taken[0] || mark[1] != taken[1]);
#endif
    sleeper_buffer ! true; /* arm() */
#ifndef NO_SLEEPER_FENCE
    empty(sleeper_buffer);
#endif
#ifndef LOOK_THEN_ARM
    news = (mark[0] != taken[0] || mark[1] != taken[1]);
#endif
#ifdef DISARM_LAST
    sleeper_buffer ! false;
    empty(sleeper_buffer);
#endif
    if
    :: news -> skip
    :: else -> atomic { interrupt -> interrupt = false } /* wait() */
    fi;
    sleeper_buffer ! false; /* disarm(): may arrive late, no fence */
  od
}
