# SPDX-FileCopyrightText: 2026 The Hawser authors
# SPDX-License-Identifier: MIT
"""An ivshmem server for tests: one region, one thread, no policy. The real one is `hawser ivshmem-server`.

Kept apart from the real one on purpose: a test of the guest runtime should not fail because of the server.
"""

import os
import select
import socket
import struct
import threading


class TinyIvshmemServer:
    """Speaks version 0 of the protocol (QEMU docs/specs/ivshmem-spec.txt) to each client that connects.

    `path` is the socket to make; `size` a power of two, at least 4096. Clients get the ids 0, 1, ... in the order in
    which they connect; an id is never given twice. Use as a context manager.
    """

    def __init__(self, path, size=1 << 20, vectors=4):
        self._memory = os.memfd_create("ivshmem", os.MFD_CLOEXEC)
        os.ftruncate(self._memory, size)
        self._vectors = vectors
        self._clients = {}  # id -> (connection, eventfds)
        self._next_id = 0
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection, bells in self._clients.values():
                connection.close()
                for bell in bells:
                    os.close(bell)
            self._clients.clear()
        os.close(self._memory)

    def read(self, offset, size):
        """Bytes of the shared region."""
        return os.pread(self._memory, size, offset)

    def write(self, offset, data):
        """Writes to the shared region."""
        os.pwrite(self._memory, data, offset)

    def ring(self, client, vector):
        """Rings one vector of a client, as any peer could."""
        with self._lock:
            os.write(self._clients[client][1][vector], struct.pack("=Q", 1))

    def rung(self, client, vector, seconds):
        """Whether that vector of a client which does not listen itself is rung within so many seconds."""
        bell = self._clients[client][1][vector]
        if not select.select([bell], [], [], seconds)[0]:
            return False
        os.read(bell, 8)
        return True

    @staticmethod
    def _send(connection, value, fd=None):
        message = struct.pack("<q", value)
        if fd is None:
            connection.sendall(message)
        else:
            socket.send_fds(connection, [message], [fd])

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._greet(connection)

    def _greet(self, connection):
        own_id, self._next_id = self._next_id, self._next_id + 1
        bells = [os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK) for _ in range(self._vectors)]
        self._send(connection, 0)
        self._send(connection, own_id)
        self._send(connection, -1, self._memory)
        for peer, (their_connection, their_bells) in self._clients.items():
            for bell in their_bells:
                self._send(connection, peer, bell)
            for bell in bells:
                self._send(their_connection, own_id, bell)
        for bell in bells:
            self._send(connection, own_id, bell)
        self._clients[own_id] = (connection, bells)
        threading.Thread(target=self._watch, args=(own_id, connection), daemon=True).start()

    def _watch(self, own_id, connection):
        try:
            while connection.recv(64):
                pass  # a client has nothing to say
        except OSError:
            pass
        with self._lock:
            if own_id not in self._clients:
                return
            _, bells = self._clients.pop(own_id)
            connection.close()
            for bell in bells:
                os.close(bell)
            for their_connection, _ in self._clients.values():
                try:
                    self._send(their_connection, own_id)
                except OSError:
                    pass
