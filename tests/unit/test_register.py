"""A county is known by the names counties write, and never guessed between two."""

import pytest

from fundpool.services.ports.judging import County, Register

REGISTER = Register(
    (
        County("331002", "椒江区", ("椒江",)),
        County("331082", "临海市", ("临海",)),
        County("331023", "天台县", ("天台",)),
        County("331000-TZW", "台州湾新区", ("台州湾",)),
    ),
    city_zh="台州市",
)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("椒江区", "331002"),
        ("台州市椒江区", "331002"),
        ("台州椒江", "331002"),
        ("浙江省台州市椒江区", "331002"),
        ("浙江省 椒江区", "331002"),
        ("椒江区医疗保障局", "331002"),
        ("椒江区医保局", "331002"),
        ("椒江区医疗保障事业管理中心", "331002"),
        ("台州市椒江区医疗保险事业管理中心", "331002"),
        ("椒江区医保中心", "331002"),
        ("台州市医疗保障局椒江分局", "331002"),
        ("浙江省临海市医疗保障经办服务中心", "331082"),
        ("台州市天台县医保局", "331023"),
        ("台州湾新区", "331000-TZW"),
        ("台州湾医保局", "331000-TZW"),
        ("台州市台州湾新区", "331000-TZW"),
    ],
)
def test_a_county_may_write_its_city_before_and_its_office_after_its_name(written: str, code: str) -> None:
    county = REGISTER.by_name(written)
    assert county is not None
    assert county.code == code


@pytest.mark.parametrize(
    "written",
    [
        "",
        "台州市",
        "台州市医疗保障局",
        "医保局",
        "宁波市椒江区",
        "江苏省椒江区",
        "椒江区财政局",
        "椒江区医保局(二)",
        "椒汇区医保局",
        "椒江区临海市",
        "区",
        "椒江区医院",
        "湾新区",
        "台州市宁波市椒江区",
    ],
)
def test_another_place_another_office_and_no_place_are_no_county(written: str) -> None:
    assert REGISTER.by_name(written) is None


def test_what_could_be_two_counties_is_none() -> None:
    """A name as the register has it comes before one that is left of a longer one."""
    register = Register(
        (County("1", "甲区", ("高新区",)), County("2", "乙区", ("高新区",))), city_zh="江州市"
    )
    assert register.by_name("高新区") is None
    assert register.by_name("江州市高新区") is None
    register = Register(
        (County("1", "江南区", ("江州江南",)), County("2", "江州江南区", ("江南",))), city_zh="江州市"
    )
    assert register.by_name("江州江南") == register.counties[0]
    assert register.by_name("江州江南医保局") is None


def test_without_a_city_no_city_is_taken_off() -> None:
    assert Register(REGISTER.counties).by_name("台州市椒江区") is None
