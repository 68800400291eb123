"""However a county's name is written, it is taken for that county or for none."""

from hypothesis import given
from hypothesis import strategies as st

from fundpool.services.ports.judging import County, Register, fold

names = st.text("甲乙江州市区县新", min_size=1, max_size=4)
counties = st.lists(st.tuples(names, st.lists(names, max_size=1)), min_size=1, max_size=4)
before = st.sampled_from(["", "浙江省", "浙江", "江州市", "江州", "浙江省江州市", "江州市医疗保障局"])
after = st.sampled_from(["", "医疗保障局", "医保局", "医保中心", "医疗保障事业管理中心", "分局", "财政局"])


@given(counties, before, names, after)
def test_a_county_taken_is_named_in_what_is_written_whatever_the_order_of_the_register(
    register: list[tuple[str, list[str]]], place: str, name: str, office: str
) -> None:
    units = tuple(
        County(f"3310{number:02d}", own, tuple(aliases)) for number, (own, aliases) in enumerate(register)
    )
    written = f"{place}{name}{office}"
    taken = Register(units, city_zh="江州市").by_name(written)
    assert Register(units[::-1], city_zh="江州市").by_name(written) == taken
    assert taken is None or any(fold(own) in fold(written) for own in (taken.name_zh, *taken.aliases))


@given(before, st.sampled_from(["椒江区", "椒江", "黄岩区"]), after)
def test_two_different_counties_never_share_a_writing(place: str, name: str, office: str) -> None:
    units = (County("331002", "椒江区", ("椒江",)), County("331003", "黄岩区"))
    taken = Register(units, city_zh="江州市").by_name(f"{place}{name}{office}")
    assert taken is None or taken.name_zh.startswith(name)
