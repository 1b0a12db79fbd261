"""The encoding of a page is found as the web has it: byte order mark, header, <meta>, labels."""

import pytest
from downloads import get
from hypothesis import given
from hypothesis import strategies as st
from web import Web, answer, page
from webencodings.labels import LABELS

from procdemo.crawler.encoding import as_utf8, media_type

SIZE = "Größe"


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("text/html", ("text/html", "")),
        (" TEXT/HTML ; CHARSET=Koi8-R", ("text/html", "Koi8-R")),
        ('text/html;charset="utf-8"', ("text/html", "utf-8")),
        ("text/html; charset=utf-8 ", ("text/html", "utf-8 ")),
        ('text/html; title="; charset=koi8-r"; charset=utf-8', ("text/html", "utf-8")),
        ("text/html; xcharset=koi8-r", ("text/html", "")),
        ("text/html; charset=a; charset=b", ("text/html", "a")),
        ("text/html, text/html; charset=koi8-r", ("text/html", "koi8-r")),
        ("text/html; charset=koi8-r, text/html", ("text/html", "koi8-r")),
        ("text/plain; charset=koi8-r, text/html", ("text/html", "")),
        ("text/html; charset=koi8-r, */*", ("text/html", "koi8-r")),
        ('text/html; a="b, c/d; charset=x"', ("text/html", "")),
        ("text/html;charset=", ("text/html", "")),
        ("", ("", "")),
        ("charset=utf-8", ("", "")),
        ("text/html charset=utf-8", ("", "")),
    ],
)
def test_a_header_has_a_type_and_a_charset(header, found):
    assert media_type(header) == found


def encoded(head, encoding="utf-8"):
    return (head + f"<title>{SIZE}</title>").encode(encoding)


@pytest.mark.parametrize(
    ("body", "charset", "name"),
    [
        # what a page says of itself
        (encoded("<meta charset=utf-16>"), "", "utf-8"),
        (encoded("<meta charset=utf-16be>"), "", "utf-8"),
        (encoded("<meta charset=unicode>"), "", "utf-8"),
        (encoded("<META CHARSET='Latin1'>", "cp1252"), "", "windows-1252"),
        (encoded("<meta/charset=latin1>", "cp1252"), "", "windows-1252"),
        (encoded("<meta charset=bogus><meta charset=latin1>", "cp1252"), "", "windows-1252"),
        (encoded("<meta charset=x-user-defined>", "cp1252"), "", "windows-1252"),
        (
            encoded("<meta http-equiv=Content-Type content='text/html; charset=latin1'>", "cp1252"),
            "",
            "windows-1252",
        ),
        (
            encoded("<meta content='charset = \"latin1\"' http-equiv=content-type>", "cp1252"),
            "",
            "windows-1252",
        ),
        (
            encoded("<meta http-equiv=content-type content='charset charset=latin1;x'>", "cp1252"),
            "",
            "windows-1252",
        ),
        (encoded("<?xml version='1.0' encoding='latin1'?>", "cp1252"), "", "windows-1252"),
        (encoded("<?xml version='1.0' encoding='utf-16'?>"), "", "utf-8"),
        (encoded("<?xml version='1.0'?>", "utf-16-le"), "", "utf-16le"),
        (encoded("<?xml version='1.0'?>", "utf-16-be"), "", "utf-16be"),
        (encoded("<body><p>" + "x" * 900 + "<meta charset=latin1>", "cp1252"), "", "windows-1252"),
        # what is no such statement
        (encoded("<!-- charset=utf-16 --><!-- <meta charset=latin1> -->"), "", "utf-8"),
        (encoded("<!--><meta charset=latin1>", "cp1252"), "", "windows-1252"),
        (encoded("<script src=x charset=iso-8859-1></script><meta charset=utf-8>"), "", "utf-8"),
        (encoded("<script>v='<meta charset=koi8-r>'</script>"), "", "utf-8"),
        (encoded("<style>a{content:'<meta charset=koi8-r>'}</style>"), "", "utf-8"),
        (encoded("<title><meta charset=koi8-r></title>"), "", "utf-8"),
        (encoded("<p title='<meta charset=koi8-r>'>"), "", "utf-8"),
        (encoded("<link href=x charset=koi8-r>"), "", "utf-8"),
        (encoded("<metadata charset=koi8-r></meta charset=koi8-r>"), "", "utf-8"),
        (encoded("<meta name=charset content=koi8-r>"), "", "utf-8"),
        (encoded("<meta content='text/html; charset=koi8-r'>"), "", "utf-8"),
        (encoded("<meta http-equiv=refresh content='1; charset=koi8-r'>"), "", "utf-8"),
        (encoded("charset=koi8-r"), "", "utf-8"),
        (encoded("<p>" + "x" * 1_100 + "<meta charset=koi8-r>"), "", "utf-8"),
        (encoded("x" * 1_010 + "<meta charset=koi8-r>"), "", "utf-8"),
        # the header wins over the page, a mark over both
        (encoded("<meta charset=koi8-r>"), "utf-8", "utf-8"),
        (encoded("<meta charset=utf-8>", "utf-16-le"), "utf-16", "utf-16le"),
        (encoded("<meta charset=latin1>", "cp1252"), "bogus", "windows-1252"),
        (encoded("\ufeff<meta charset=koi8-r>"), "koi8-r", "utf-8"),
        (encoded("\ufeff<meta charset=koi8-r>", "utf-16-le"), "koi8-r", "utf-16le"),
        (encoded("\ufeff<meta charset=koi8-r>", "utf-16-be"), "utf-8", "utf-16be"),
        # labels, as the web has them
        (encoded("", "cp1252"), "iso-8859-1", "windows-1252"),
        (encoded("", "cp1252"), "ascii", "windows-1252"),
        (encoded("", "cp1254"), "iso-8859-9", "windows-1254"),
        (encoded(""), " UTF8\t", "utf-8"),
        (encoded(""), "utf_8", "utf-8"),  # a codec of Python, and no label: so UTF-8 as by default
        (encoded(""), "u8", "utf-8"),
    ],
    ids=str,
)
def test_the_encoding_is_found(body, charset, name):
    html, found = as_utf8(body, charset)
    assert found == name
    assert f"<title>{SIZE}</title>" in html.decode()
    assert not html.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("label", "raw", "text"),
    [
        ("shift_jis", b"\x87\x40", "①"),
        ("x-sjis", b"\x93\xfa", "日"),
        ("gb2312", b"\x81\x30\x81\x34", "\x84"),
        ("big5", b"\xa4\xe9", "日"),
        ("ks_c_5601-1987", b"\x8c\x63", "똠"),
        ("iso-8859-8-i", b"\xe0", "א"),
        ("tis-620", b"\xa1", "ก"),
        ("latin1", b"\x80", "€"),
        ("x-user-defined", b"\x80", "\uf780"),
        ("utf-7", b"+AGE-", "+AGE-"),
        ("cp437", "é".encode(), "é"),  # no encoding of the web
        ("hex", b"6162", "6162"),
    ],
)
def test_a_label_means_what_it_means_on_the_web(label, raw, text):
    assert as_utf8(raw, label)[0].decode() == text


def test_an_encoding_that_is_not_safe_to_read_gives_nothing():
    """The Encoding Standard calls it "replacement" (14.1)."""
    assert set(as_utf8(b"<a href=x>", "iso-2022-kr")[0].decode()) == {"\ufffd"}


def test_each_label_can_be_read():
    for label in LABELS:
        as_utf8(bytes(range(256)), label)[0].decode()


@given(st.binary(max_size=200), st.sampled_from(["", *sorted(set(LABELS.values()))]))
def test_any_bytes_become_valid_utf_8(body, label):
    as_utf8(body, label)[0].decode()
    as_utf8(b"<meta charset=" + label.encode() + b">" + body, "")[0].decode()


# --- robots.txt

RULES = "User-agent: *\nDisallow: /no\n"


@pytest.mark.parametrize(
    "rules",
    [
        RULES.encode(),
        b"\xef\xbb\xbf" + RULES.encode(),
        RULES.encode("utf-16"),
        ("\ufeff" + RULES).encode("utf-16-be"),
    ],
)
@pytest.mark.usefixtures("fresh_worker")
def test_a_robots_txt_with_a_byte_order_mark_is_obeyed(rules):
    with Web({"/no": page("secret")}, answer(rules, Content_Type="text/plain")) as web:
        assert get(f"{web.origin}/no").skip == "forbidden"
        assert web.asked["/no"] == 0
