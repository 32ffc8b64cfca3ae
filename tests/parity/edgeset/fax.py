"""Owns CCITT streams of TIFF written code by code: rows that end before their time, and make-up codes
without their terminating one."""

import struct

HUFFMAN, GROUP_3, GROUP_4, HUFFMAN_WORDS = 2, 3, 4, 32771
END_OF_LINE, HORIZONTAL = "000000000001", "001"
# The codes that are needed, T.4 tables 2 and 3: "w5" is a white run of 5.
CODES = {
    "w0": "00110101", "w2": "0111", "w3": "1000", "w8": "10011", "w59": "01001010",
    "w64": "11011", "w128": "10010", "b0": "0000110111", "b3": "10", "b8": "000101",
    "b64": "0000001111", "b128": "000011001000", "eol": END_OF_LINE, "h": HORIZONTAL,
    "v0": "1", "none": "0000000011", "fill": "0" * 24, "1": "1", "0": "0",
}  # fmt: skip


def stream(codes, align=1):
    """The bytes of codes by name; "|" starts the next byte, or the next word."""
    bits = ""
    for code in codes.split():
        bits += "0" * (-len(bits) % (8 * align)) if code == "|" else CODES[code]
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def file(width, rows, compression, codes, tagged=False):
    """A file of one strip."""
    data = stream(codes, 2 if compression == HUFFMAN_WORDS else 1)
    tags = [(256, width), (257, rows), (258, 1), (259, compression), (262, 0), (273, 8), (277, 1)]
    tags += [(278, rows), (279, len(data))] + ([(292, int(tagged))] if compression == GROUP_3 else [])
    data += b"\0" * (len(data) % 2)
    body = b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags))
    return body + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4)


def files():
    marked = "eol w2 b3 w59 "
    yield "white_make_up_without_its_end", file(64, 3, GROUP_3, marked + "eol w64 " + marked)
    yield "black_make_up_without_its_end", file(64, 3, GROUP_3, marked + "eol w0 b64 " + marked)
    yield "several_make_ups_without_end", file(
        192, 3, GROUP_3, "eol w64 w128 eol w64 w0 b64 b64 eol w2 b3 w128 w59"
    )
    yield "make_up_that_leaves_a_rest", file(128, 3, GROUP_3, "eol w2 b64 eol w64 eol w2 b3 w64 w59")
    yield "make_up_in_a_tagged_row", file(64, 3, GROUP_3, "eol 1 w0 b64 eol 1 w2 b3 w59 eol 0 v0 v0 v0", True)
    yield "make_up_in_horizontal_mode", file(64, 3, GROUP_3, "eol 1 w2 b3 w59 eol 0 h w64 eol 1 w2 b3 w59", True)
    yield "rows_that_end_early", file(16, 4, GROUP_3, "eol w2 b3 eol w2 eol eol w8 b8")
    yield "black_run_beyond_the_row", file(64, 2, GROUP_3, "eol w2 b3 w3 b64 b0 " + marked)
    yield "what_is_no_code", file(64, 2, GROUP_3, "eol w2 b3 none " + marked)
    yield "ends_of_line_that_run_out", file(64, 3, GROUP_3, marked + "fill")
    yield "group_4_what_is_no_code", file(16, 3, GROUP_4, "h w2 b3 v0 h w2 none")
    yield "huffman_make_up", file(64, 2, HUFFMAN, "w64 w0 | w2 b3 w59")
    yield "huffman_words", file(8, 2, HUFFMAN_WORDS, "w8 | w2 b3 w3")
