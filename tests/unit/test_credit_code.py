from fundpool.domain.credit_code import check_character, is_valid_credit_code


def test_a_known_code_is_valid() -> None:
    # 阿里巴巴（中国）有限公司 and 腾讯, as printed on their licences.
    assert is_valid_credit_code("91330100799655058B")
    assert is_valid_credit_code("9144030071526726XG")


def test_one_wrong_character_is_noticed() -> None:
    assert not is_valid_credit_code("91330100799655059B")
    assert not is_valid_credit_code("91330100799655058A")


def test_letters_that_look_like_digits_are_refused() -> None:
    assert not is_valid_credit_code("9133010079965505OB")
    assert not is_valid_credit_code("")
    assert not is_valid_credit_code("91330100799655058b")


def test_the_check_character_makes_a_code_valid() -> None:
    body = "91331002MA2ABCDE1"
    assert is_valid_credit_code(body + check_character(body))
