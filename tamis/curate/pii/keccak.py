"""Keccak-256 as Ethereum has it: SHA-3 before its padding changed, which hashlib does not offer."""

from __future__ import annotations

LANES = 25
RATE = 136
MASK = (1 << 64) - 1


def keccak256(message: bytes) -> bytes:
    """The 32-byte hash of `message` (Bertoni et al., Keccak 3.0: rate 1088, capacity 512, padding 10*1)."""
    padded = bytearray(message) + b"\x01" + bytes(-(len(message) + 1) % RATE)
    padded[-1] |= 0x80
    state = [0] * LANES
    for at in range(0, len(padded), RATE):
        for k in range(RATE // 8):
            state[k] ^= int.from_bytes(padded[at + 8 * k : at + 8 * k + 8], "little")
        _permute(state)
    return b"".join(lane.to_bytes(8, "little") for lane in state[:4])


def _permute(a: list[int]) -> None:
    """The 24 rounds of Keccak-f[1600], in place; lane (x, y) is `a[x + 5 * y]`."""
    register = 1
    for _ in range(24):
        column = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        for x in range(5):
            mixed = column[x - 1] ^ _turned(column[(x + 1) % 5], 1)
            for y in range(0, LANES, 5):
                a[x + y] ^= mixed
        x, y, lane = 1, 0, a[1]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            lane, a[x + 5 * y] = a[x + 5 * y], _turned(lane, (t + 1) * (t + 2) // 2)
        for y in range(0, LANES, 5):
            row = a[y : y + 5]
            for x in range(5):
                a[x + y] = row[x] ^ ~row[(x + 1) % 5] & row[(x + 2) % 5] & MASK
        for j in range(7):
            if register & 1:
                a[0] ^= 1 << (1 << j) - 1
            register = register << 1 ^ (0x171 if register & 0x80 else 0)


def _turned(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> (64 - by)) & MASK
