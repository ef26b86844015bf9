"""The same two jobs in the dialects of csv that programs write: what is read, or the words of what is refused."""

from dataclasses import dataclass, field

from beforehand.workloads.reading import Reading

HEADLESS = {"size": "2", "arrival": "1"}


@dataclass(frozen=True)
class Dialect:
    """A file with the columns size and arrival, and the line of each row."""

    text: str | bytes
    lines: tuple[int, ...] = (2, 3)
    sizes: tuple[float, ...] = (1.5, 2.0)
    arrivals: tuple[float, ...] = (0.0, 10.0)
    reading: Reading = field(default_factory=Reading)
    names: dict[str, str] = field(default_factory=lambda: {"size": "size", "arrival": "arrival"})

    @property
    def bytes(self) -> bytes:
        return self.text if isinstance(self.text, bytes) else self.text.encode()


READ = {
    "commas": Dialect("arrival,size,user\n0,1.5,ann\n10,2,bob\n"),
    "semicolons": Dialect("arrival;size;user\n0;1.5;ann\n10;2;bob\n"),
    "tabs": Dialect("arrival\tsize\tuser\n0\t1.5\tann\n10\t2\tbob\n"),
    "bars, of sacct -P": Dialect("arrival|size|user\n0|1.5|ann\n10|2|bob\n"),
    "bars that end the line, of sacct -p": Dialect("arrival|size|user|\n0|1.5|ann|\n10|2|bob|\n"),
    "bars, and a quote that is no quote": Dialect('arrival|size|job\n0|1.5|"my\n10|2|5" disk\n'),
    "bars and quotes": Dialect('"arrival"|"size"|"user"\n"0"|"1.5"|"ann"\n"10"|"2"|"bob"\n'),
    "blanks": Dialect("arrival size user\n0 1.5 ann\n10 2 bob\n"),
    "runs of blanks": Dialect("  arrival   size  user\n        0    1.5  ann\n       10      2  bob\n"),
    "blanks and quotes": Dialect('"arrival" "size" "full name"\n0 1.5 "Ann Lee"\n10 2 "Bob ""B"" Ray"\n'),
    "CRLF": Dialect("arrival,size\r\n0,1.5\r\n10,2\r\n"),
    "CR": Dialect("arrival,size\r0,1.5\r10,2\r"),
    "CRLF and LF": Dialect("arrival,size\r\n0,1.5\n10,2\r\n"),
    "no line end at the end": Dialect("arrival,size\n0,1.5\n10,2"),
    "byte order mark": Dialect("\ufeffarrival,size\n0,1.5\n10,2\n"),
    "UTF-16 of Excel": Dialect("arrival\tsize\tuser\r\n0\t1.5\tänn\r\n10\t2\tbob\r\n".encode("utf-16")),
    "Latin-1 in another column": Dialect("arrival,size,user\n0,1.5,änn\n10,2,bob\n".encode("latin-1")),
    "everything quoted": Dialect('"arrival","size","user"\n"0","1.5","ann"\n"10","2","bob"\n'),
    "a comma in quotes": Dialect('user,arrival,size\n"Lee, Ann",0,1.5\nbob,10,2\n'),
    "quotes in quotes": Dialect('user,arrival,size\n"the ""A""",0,1.5\nbob,10,2\n'),
    "a quote inside a cell": Dialect('disk,arrival,size\n5" a,0,1.5\n3" b,10,2\n'),
    "lines in quotes": Dialect('prompt,arrival,size\n"one\ntwo\r\nthree",0,1.5\n"four",10,2\n', (2, 5)),
    "lines in a quoted name": Dialect('"the\nprompt",arrival,size\na,0,1.5\nb,10,2\n', (3, 4)),
    "blanks after commas": Dialect('arrival, size, user\n0, 1.5, "Lee, Ann"\n10, 2, bob\n'),
    "blanks around cells": Dialect("arrival , size\n 0 , 1.5 \n 10 , 2 \n"),
    "a decimal comma": Dialect("arrival;size\n0,0;1,5\n10;2\n"),
    "a decimal comma in quotes": Dialect('arrival,size\n"0","1,5"\n"10","2"\n'),
    "a decimal comma that is named": Dialect(
        "arrival;size\n0;1,500\n10;2,000\n", reading=Reading(decimal=",")
    ),
    "Excel's separator in the first line": Dialect("sep=;\r\narrival;size\r\n0;1,5\r\n10;2\r\n", (3, 4)),
    "comments above": Dialect("# written by us, in 2026\n#\narrival,size\n0,1.5\n10,2\n", (4, 5)),
    "a header that is a comment": Dialect("# jobs of May\n# arrival size\n0 1.5\n10 2\n", (3, 4)),
    "empty lines": Dialect("\narrival,size\n\n0,1.5\n \n10,2\n\n\n", (4, 6)),
    "an index without a name, of pandas": Dialect(",arrival,size\n0,0,1.5\n1,10,2\n"),
    "an index between semicolons": Dialect(";arrival;size\n0;0;1,5\n1;10;2\n"),
    "two other columns of one name": Dialect("x,arrival,x,size\n1,0,2,1.5\n1,10,2,2\n"),
    "commas at the end of rows alone": Dialect("arrival,size\n0,1.5,\n10,2,,\n"),
    "no header": Dialect("0,1.5,ann\n10,2,bob\n", (1, 2), reading=Reading(header=False), names=HEADLESS),
    "no header, below comments": Dialect(
        "; Version: 2.2\n;\n 0 1.5 -1\n 10 2 -1\n", (3, 4), reading=Reading(header=False), names=HEADLESS
    ),
    "no header, below comments, and cells that are empty": Dialect(
        "; by us\n# in 2026\n;1.5;0\na;2;10\n", (3, 4), reading=Reading(header=False),
        names={"size": "2", "arrival": "3"},
    ),
    "no header, and a byte order mark": Dialect(
        "\ufeff0,1.5\n10,2\n", (1, 2), reading=Reading(header=False), names=HEADLESS
    ),
    "signs, points and exponents": Dialect("arrival,size\n+0,.15e1\n1E1,+2.\n"),
    "a NUL in another column": Dialect("arrival,size,user\n0,1.5,a\0b\n10,2,\0\n"),
    "one row": Dialect("arrival,size\n0,1.5", (2,), (1.5,), (0.0,)),
    "no row": Dialect("arrival,size\n", (), (), ()),
}  # fmt: skip

REFUSED = {
    "nothing": (Dialect(""), "no line with a name"),
    "only comments": (Dialect("# nothing\n"), "no line with a name"),
    "a short row": (Dialect("arrival,size\n0,1.5\n10\n"), "has 1 cell in line 3, but 2 in its first"),
    "a long row": (Dialect("arrival,size\n\n0,1.5\n10,2,3\n"), "has 3 cells in line 4, but 2 in its first"),
    "a long row below a cell of two lines": (
        Dialect('user,arrival,size\n"a\nb",0,1.5\nb,10,2,3\n'), "has 4 cells in line 4, but 3 in its first"
    ),
    "a decimal comma between commas": (Dialect("arrival,size\n0,1,5\n10,2,0\n"), "has 3 cells in line 2, but 2 in"),
    "a quote that never ends": (Dialect('user,arrival,size\na,0,1.5\n"b,10,2\nc,11,3\n'), "quote in line 3 that"),
    "a quote that never ends, in the last cell": (Dialect('arrival,size\n0,"1.5\n10,2\n'), "quote in line 2 that"),
    "thousands": (
        Dialect('arrival;size\n0;1,500\n10;2,000\n'), "'1,500' in column size, line 2, which may be a decimal or thous"
    ),
    "points and commas": (Dialect("arrival;size\n0;1.5\n10;2,5\n"), "'2,5' in column size, line 3, which is not a num"),
    "a point where a comma is the sign": (
        Dialect("arrival;size\n0;1.500\n10;2\n", reading=Reading(decimal=",")), "'1.500' in column size, line 2, which"
    ),
    "a row of units": (Dialect("arrival,size\ns,tokens\n0,1.5\n"), "'tokens' in column size, line 2, which is not a"),
    "a row of dashes": (Dialect("arrival size\n------- ----\n0 1.5\n"), "'----' in column size, line 2, which is not"),
    "a last line that counts the rows": (Dialect("arrival|size\n0|1.5\n(1 row)\n"), "has 1 cell in line 3, but 2 in"),
    "digits of another script": (Dialect("arrival,size\n0,\u0661\n"), "'\u0661' in column size, line 2, which is"),
    "digits in groups": (Dialect("arrival,size\n0,1_000\n"), "'1_000' in column size, line 2, which is"),
}  # fmt: skip
