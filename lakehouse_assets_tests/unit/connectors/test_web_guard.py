"""Where a request may go, without asking anybody but the name service of this machine."""

from ipaddress import ip_address

import pytest

from lakehouse_assets.connectors.web.client import retry_after
from lakehouse_assets.connectors.web.guard import Guard, hosts_in, is_public, shown
from lakehouse_assets.connectors.web.paging import next_link
from lakehouse_assets.errors import SourceError

PRIVATE = (
    *("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),  # noqa: S104
    *("::1", "fe80::1", "fc00::1", "fd00:ec2::254", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe", "::"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_a_private_network_is_not_public_however_it_is_written(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_an_address_of_the_open_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8000/x", "127.0.0.1"),
        ("http://127.0.0.1:8000/x", "127.0.0.0/8"),
        ("http://127.0.0.1:8000/x", "127.0.0.1:8000, elsewhere"),
    ],
)
def test_a_private_address_that_the_connection_names_is_asked(url: str, allowed: str) -> None:
    target = Guard("http://127.0.0.1:8000", hosts_in(allowed)).target(url)

    assert (target.address, target.port, target.path) == ("127.0.0.1", 8000, "/x")


@pytest.mark.parametrize(
    ("home", "url", "allowed"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/", ""),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/", "10.0.0.0/8"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:22/", "127.0.0.1"),
        ("http://127.0.0.1:8000", "http://127.0.0.2:8000/", "127.0.0.1"),
        ("https://127.0.0.1", "http://127.0.0.1/", "127.0.0.1"),
        ("http://127.0.0.1:8000", "ftp://127.0.0.1/", "127.0.0.1"),
        ("http://127.0.0.1:8000", "http://user@127.0.0.1:8000/", "127.0.0.1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000\\@evil/", "127.0.0.1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:99999/", "127.0.0.1"),
        ("http://127.0.0.1:8000", "//127.0.0.1/", "127.0.0.1"),
        ("http://0x7f.1:8000", "http://0x7f.1:8000/", ""),
    ],
)
def test_everything_else_is_refused(home: str, url: str, allowed: str) -> None:
    with pytest.raises(SourceError, match="ssrf_blocked"):
        Guard(home, hosts_in(allowed)).target(url)


def test_a_url_in_a_message_has_no_query_and_no_user() -> None:
    url = "https://ann:hush@api.example:8443/orders?token=hush#x"  # pragma: allowlist secret

    assert shown(url) == "https://api.example:8443/orders"


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ('<https://a/x?page=2>; rel="next", <https://a/x?page=9>; rel="last"', "https://a/x?page=2"),
        ('<https://a/x?q=1,2;3>; title="a, b"; rel="prev next"', "https://a/x?q=1,2;3"),
        ("</x>; rel=next", "/x"),
        ("</x>;REL=Next", "/x"),
        ('</x>; rel="nextish"', None),
        ("</x>", None),
        ("", None),
    ],
)
def test_a_link_header_says_which_page_is_next(header: str, target: str | None) -> None:
    assert next_link(header) == target


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 60.0),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("9" * 30, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after(text, 0.0) == seconds
