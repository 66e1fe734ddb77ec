"""CRC-32C (Castagnoli), as Kafka's record batches carry it.

ISA-L does the work when the machine has it (libisal.so.2); a table does it otherwise, 300 times
slower and with the same result.
"""
import ctypes

POLYNOMIAL = 0x82F63B78


def _make_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _make_table()


def crc32c_by_table(data):
    crc, table = 0xFFFFFFFF, _TABLE
    for byte in bytes(data):
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _load_isal():
    try:
        function = ctypes.CDLL('libisal.so.2').crc32_iscsi
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_uint]
    function.restype = ctypes.c_uint
    if function(b'123456789', 9, 0xFFFFFFFF) ^ 0xFFFFFFFF != 0xE3069283:
        return None
    return function


_ISAL = _load_isal()


def crc32c(data):
    """The checksum of all of `data` (bytes or a view of bytes)."""
    if _ISAL is None:
        return crc32c_by_table(data)
    data = bytes(data)
    return (_ISAL(data, len(data), 0xFFFFFFFF) & 0xFFFFFFFF) ^ 0xFFFFFFFF
