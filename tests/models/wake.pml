/* SPDX-FileCopyrightText: 2026 The Hawser authors
 * SPDX-License-Identifier: MIT
 *
 * One direction of a queue: a producer moves an index and tells the consumer only if asked; the consumer asks, looks
 * again, sleeps. Driver to device and device to driver are the same, split and packed are the same: "index" stands
 * for what publish() stores, "request" for what arm() stores. Each side's stores wait in a store buffer before the
 * other can see them (that is all that x86 and, between a store and a later load, ARM do to this protocol); a full
 * fence waits until the buffer is empty.
 *
 * Checked: the consumer takes everything. A lost wake-up leaves it asleep for ever, which Spin reports as an invalid
 * end state. Each define below takes one thing away, and must make the check fail (run.py):
 *
 *   NO_PRODUCER_FENCE  publish() without its full fence       NO_CONSUMER_FENCE  arm() without its own
 *   NO_RECHECK         sleep without looking again            BY_EQUALITY        need_event as a comparison of equals
 *
 * FLAGS: without VIRTIO_F_EVENT_IDX; the request is a flag, withdrawn after a sleep (disarm).
 */

#define ITEMS 6
#define MODULUS 8 /* the indices wrap within the run: they start at 5 */
#define START 5

byte index = START;    /* as the consumer sees it */
byte request = START;  /* as the producer sees it; with FLAGS 1: tell me */
bool bell = false;

/* Store buffers of one entry a side: each side has one word to store, and stores to one word stay in order. */
bool producer_waiting = false;
byte producer_value;
bool consumer_waiting = false;
byte consumer_value;

#define DISTANCE(from, to) ((to + MODULUS - from) % MODULUS)

/* A second store to the word replaces nothing: the first must have left. */
inline producer_store(value) { atomic { !producer_waiting -> producer_value = value; producer_waiting = true } }
inline consumer_store(value) { atomic { !consumer_waiting -> consumer_value = value; consumer_waiting = true } }

active proctype producer_buffer() {
end:
  do
  :: atomic { producer_waiting -> index = producer_value; producer_waiting = false }
  od
}
active proctype consumer_buffer() {
end:
  do
  :: atomic { consumer_waiting -> request = consumer_value; consumer_waiting = false }
  od
}

active proctype producer() {
  byte before = START;
  byte now;
  byte asked;
  byte added = 0;
  do
  :: added < ITEMS ->
    if /* a batch of one, two or three */
    :: now = (before + 1) % MODULUS; added++
    :: added + 2 <= ITEMS -> now = (before + 2) % MODULUS; added = added + 2
    :: added + 3 <= ITEMS -> now = (before + 3) % MODULUS; added = added + 3
    fi;
    producer_store(now);
#ifndef NO_PRODUCER_FENCE
    !producer_waiting;
#endif
    asked = request;
    if
#ifdef FLAGS
    :: asked == 1 -> bell = true
#elif defined(BY_EQUALITY)
    :: now == (asked + 1) % MODULUS -> bell = true
#else
    :: DISTANCE(((asked + 1) % MODULUS), now) < DISTANCE(before, now) -> bell = true
#endif
    :: else -> skip
    fi;
    before = now
  :: else -> break
  od
}

active proctype consumer() {
  byte taken = START;
  byte seen;
  byte count = 0;
#ifdef FLAGS
  consumer_store(0);
#endif
  do
  :: count == ITEMS -> break
  :: else ->
    seen = index;
    do
    :: taken != seen -> taken = (taken + 1) % MODULUS; count++
    :: else -> break
    od;
    if
    :: count == ITEMS -> break
    :: else -> skip
    fi;
    /* arm() */
#ifdef FLAGS
    consumer_store(1);
#else
    consumer_store(taken);
#endif
#ifndef NO_CONSUMER_FENCE
    !consumer_waiting;
#endif
#ifndef NO_RECHECK
    seen = index;
#else
    seen = taken;
#endif
    if
    :: seen != taken -> skip
    :: else -> atomic { bell -> bell = false } /* sleep */
    fi;
#ifdef FLAGS
    consumer_store(0); /* disarm() */
#endif
  od;
  assert(count == ITEMS)
}
