"""Accounts and log-in on both databases: who is entered, who is let in, for how long."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from fundpool.adapters.keys.passwords import Argon2Passwords
from fundpool.adapters.stores.database import Database
from fundpool.adapters.stores.work import SqlTransactions
from fundpool.bootstrap import build_ports
from fundpool.domain.accounts import FAILURES_ALLOWED, IDLE_FOR, LASTS, LOCKED_FOR
from fundpool.domain.errors import FundpoolError
from fundpool.domain.periods import SHANGHAI
from fundpool.domain.rights import RIGHTS, Right, Role
from fundpool.services.books.audit_checks import verify_everything
from fundpool.services.ports.work import MonthPorts, Work
from fundpool.services.users import accounts, sessions
from fundpool.services.users.accounts import NewAccount
from fundpool.services.users.rights_report import RightsReport, rights_report
from fundpool.settings import Settings
from schemas.tables.users import user_account
from tests.accounts import BEGAN, PASSWORD, QuickPasswords, enter

NOW = BEGAN + timedelta(hours=1)
ADMIN, CLERK = "张安全", "李经办"


@pytest.fixture
def ports(transactions: SqlTransactions, tmp_path: Path) -> MonthPorts:
    return replace(build_ports(Settings(home=tmp_path)), database=transactions)


def add(ports: MonthPorts, name: str, role: Role, *, by: str | None = ADMIN, **place: str) -> None:
    wanted = NewAccount(name, role, **place)
    accounts.add_account(ports, wanted, PASSWORD, passwords=QuickPasswords(), by=by, now=NOW)


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(FundpoolError) as error:
        act()
    return error.value.code


def log_in(ports: MonthPorts, name: str = CLERK, password: str = PASSWORD, now: datetime = NOW) -> str | None:
    return sessions.log_in(ports.database, name, password, passwords=QuickPasswords(), now=now)


def who(ports: MonthPorts, token: str | None, now: datetime = NOW) -> str | None:
    account = sessions.visit_of(ports.database, token, now).account
    return account and account.name


class TestEntering:
    def test_the_first_account_is_an_administrator_who_enters_the_others(self, ports: MonthPorts) -> None:
        assert refused(lambda: add(ports, CLERK, Role.MAKER, by=None)) == "first_user"
        add(ports, ADMIN, Role.SEC_ADMIN, by=None)
        assert refused(lambda: add(ports, CLERK, Role.MAKER, by=None)) == "person_missing"
        add(ports, CLERK, Role.MAKER, city="taizhou")
        assert refused(lambda: add(ports, "王经办", Role.MAKER, by=CLERK)) == "right_missing"
        found = ports.database.read(lambda work: work.users.all())
        assert [(each.name, each.role, each.created_by) for each in found] == [
            (ADMIN, Role.SEC_ADMIN, "system"),
            (CLERK, Role.MAKER, ADMIN),
        ]

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("李 经办", "user_exists"),
            ("李经办主任", "user_exists"),
            ("李经\u200b办", "person_not_a_name"),
            ("李经办（签字）", "person_not_a_name"),
            ("system", "person_missing"),
            ("李" * 65, "name_too_long"),
        ],
    )
    def test_no_account_may_be_taken_for_another(self, ports: MonthPorts, name: str, code: str) -> None:
        enter(ports.database, ADMIN, Role.SEC_ADMIN)
        add(ports, CLERK, Role.MAKER)
        assert refused(lambda: add(ports, name, Role.CHECKER)) == code

    @pytest.mark.parametrize(
        ("role", "place"),
        [
            (Role.COUNTY_SUBMIT, {}),
            (Role.COUNTY_SUBMIT, {"county": "331002"}),
            (Role.COUNTY_SUBMIT, {"city": "taizhou", "county": "999999"}),
            (Role.MAKER, {"city": "taizhou", "county": "331002"}),
            (Role.MAKER, {"city": "atlantis"}),
        ],
    )
    def test_a_wrong_place_is_refused(self, ports: MonthPorts, role: Role, place: dict[str, str]) -> None:
        enter(ports.database, ADMIN, Role.SEC_ADMIN)
        assert refused(lambda: add(ports, CLERK, role, **place)) in {
            "user_place",
            "unknown_county",
            "unknown_city",
        }

    @pytest.mark.parametrize("password", ["short pass", "aaaaaaaaaaaaaaaa", "李经办 is the one", "x" * 300])
    def test_a_weak_password_is_refused(self, ports: MonthPorts, password: str) -> None:
        wanted = NewAccount(CLERK, Role.SEC_ADMIN)
        assert (
            refused(
                lambda: accounts.add_account(
                    ports, wanted, password, passwords=QuickPasswords(), by=None, now=NOW
                )
            )
            == "password_weak"
        )

    def test_the_last_administrator_of_users_cannot_be_disabled(self, ports: MonthPorts) -> None:
        enter(ports.database, ADMIN, Role.SEC_ADMIN)

        def disable() -> None:
            ports.database.transaction(lambda work: accounts.disable_account(work, ADMIN, by=ADMIN, now=NOW))

        assert refused(disable) == "last_administrator"
        add(ports, "赵安全", Role.SEC_ADMIN)
        disable()
        assert refused(lambda: add(ports, CLERK, Role.MAKER)) == "right_missing"

    def test_every_change_is_in_the_audit_trail_and_nothing_secret(self, ports: MonthPorts) -> None:
        add(ports, ADMIN, Role.SEC_ADMIN, by=None)
        add(ports, CLERK, Role.MAKER, city="taizhou")
        accounts.set_password(ports, CLERK, f"{PASSWORD}!", passwords=QuickPasswords(), by=ADMIN, now=NOW)
        ports.database.transaction(lambda work: accounts.disable_account(work, CLERK, by=ADMIN, now=NOW))
        records = list(ports.database.read(lambda work: list(work.audit.records())))[-4:]
        assert [(each.actor, each.action, each.subject) for each in records] == [
            ("system", "add_user", f"user:{ADMIN}"),
            (ADMIN, "add_user", f"user:{CLERK}"),
            (ADMIN, "set_password", f"user:{CLERK}"),
            (ADMIN, "disable_user", f"user:{CLERK}"),
        ]
        assert not any(PASSWORD in each.detail for each in records)
        assert ports.database.read(lambda work: verify_everything(work, [])).faults == []


ROW = {
    "name": CLERK,
    "role": "maker",
    "password_hash": "-",
    "created_at": NOW,
    "created_by": ADMIN,
    "failed_logins": 0,
}


class TestTheDatabaseItself:
    """An account has one role, so that every pair is forbidden; whoever writes behind the program too."""

    @pytest.mark.parametrize(
        "rows",
        [
            [ROW, {**ROW, "role": "checker"}],
            [{**ROW, "role": "maker,checker"}],
            [{**ROW, "role": "county_submit"}],
            [{**ROW, "county": "331002", "city": "taizhou"}],
            [{**ROW, "role": "county_submit", "county": "331002"}],
        ],
        ids=["a second role", "two in one", "county without one", "city with a county", "county of no city"],
    )
    def test_forbidden_pairs(self, database: Database, rows: list[dict[str, object]]) -> None:
        def write() -> None:
            with database.engine.begin() as connection:
                for row in rows:
                    connection.execute(insert(user_account).values(row))

        with pytest.raises(IntegrityError):
            write()

    def test_an_account_put_in_behind_the_program_lets_nobody_in(
        self, ports: MonthPorts, database: Database
    ) -> None:
        with database.engine.begin() as connection:
            connection.execute(insert(user_account).values({**ROW, "password_hash": f"quick:{PASSWORD}"}))
        assert log_in(ports) is None
        assert refused(lambda: ports.database.read(lambda work: accounts.account_named(work, CLERK))) == (
            "seal_broken"
        )

    def test_an_account_put_back_is_refused(self, ports: MonthPorts, database: Database) -> None:
        enter(ports.database, ADMIN, Role.SEC_ADMIN)
        enter(ports.database, CLERK, Role.MAKER)
        with database.engine.begin() as connection:
            before = (
                connection.execute(user_account.select().where(user_account.c.name == CLERK)).mappings().one()
            )
        ports.database.transaction(lambda work: accounts.disable_account(work, CLERK, by=ADMIN, now=NOW))
        with database.engine.begin() as connection:
            connection.execute(user_account.update().where(user_account.c.name == CLERK).values(dict(before)))
        assert log_in(ports) is None
        assert refused(lambda: ports.database.read(lambda work: accounts.account_named(work, CLERK))) == (
            "row_put_back"
        )


class TestLoggingIn:
    @pytest.fixture(autouse=True)
    def _clerk(self, ports: MonthPorts) -> None:
        enter(ports.database, ADMIN, Role.SEC_ADMIN)
        enter(ports.database, CLERK, Role.MAKER, "taizhou")

    def test_each_log_in_is_a_new_session(self, ports: MonthPorts) -> None:
        first, second = log_in(ports), log_in(ports)
        assert first != second
        assert who(ports, first) == who(ports, second) == CLERK
        assert who(ports, "another") is who(ports, None) is None

    def test_the_database_keeps_no_token(self, ports: MonthPorts, database: Database) -> None:
        token = log_in(ports)
        assert token is not None
        with database.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM user_session").all()
        assert token not in str(rows)

    def test_five_wrong_passwords_lock_the_account_for_a_quarter_of_an_hour(self, ports: MonthPorts) -> None:
        for _ in range(FAILURES_ALLOWED):
            assert log_in(ports, password="wrong wrong wrong") is None
        assert log_in(ports) is None
        assert log_in(ports, now=NOW + LOCKED_FOR - timedelta(seconds=1)) is None
        actions = [each.action for each in ports.database.read(lambda work: list(work.audit.records()))]
        assert actions[-1] == "lock_user"
        assert log_in(ports, now=NOW + LOCKED_FOR) is not None

    def test_a_log_in_takes_the_count_back(self, ports: MonthPorts) -> None:
        for _ in range(3):
            for _ in range(FAILURES_ALLOWED - 1):
                assert log_in(ports, password="wrong wrong wrong") is None
            assert log_in(ports) is not None

    def test_guesses_that_come_at_once_count_before_any_of_them_is_answered(self, ports: MonthPorts) -> None:
        class Waiting(QuickPasswords):
            """Another guess comes in while the hash is being computed."""

            def verify(self, password_hash: str | None, password: str) -> bool:
                if self.verified < 20:
                    self.verified += 1
                    sessions.log_in(ports.database, CLERK, "wrong wrong wrong", passwords=self, now=NOW)
                hashes.append(password_hash)
                return super().verify(password_hash, password)

        hashes: list[str | None] = []
        sessions.log_in(ports.database, CLERK, "wrong wrong wrong", passwords=Waiting(), now=NOW)
        assert len(hashes) == 21
        assert len([each for each in hashes if each is not None]) == FAILURES_ALLOWED

    @pytest.mark.parametrize("name", ["没有人", "李经\u200b办", "", CLERK])
    def test_whoever_is_refused_a_password_is_verified(self, ports: MonthPorts, name: str) -> None:
        passwords = QuickPasswords()
        assert sessions.log_in(ports.database, name, "wrong", passwords=passwords, now=NOW) is None
        assert passwords.verified == 1

    def test_nobody_has_the_password_of_nobody(self) -> None:
        assert not Argon2Passwords().verify(None, "the password of nobody")
        hashed = Argon2Passwords().hash(PASSWORD)
        assert hashed.startswith("$argon2id$")
        assert Argon2Passwords().verify(hashed, PASSWORD)
        assert not Argon2Passwords().verify(hashed, PASSWORD + " ")

    def test_a_session_ends_when_nobody_uses_it(self, ports: MonthPorts) -> None:
        token, now = log_in(ports), NOW
        for _ in range(4):
            now += IDLE_FOR - timedelta(seconds=1)
            assert who(ports, token, now) == CLERK
        assert who(ports, token, now + IDLE_FOR) is None

    def test_a_session_ends_after_a_day_s_work_however_much_it_is_used(self, ports: MonthPorts) -> None:
        token, now = log_in(ports), NOW
        while now + timedelta(minutes=20) < NOW + LASTS:
            now += timedelta(minutes=20)
            assert who(ports, token, now) == CLERK
        assert who(ports, token, NOW + LASTS) is None

    def test_log_out_ends_the_session_and_no_other(self, ports: MonthPorts) -> None:
        token, other = log_in(ports), log_in(ports)
        assert token is not None
        sessions.log_out(ports.database, token, NOW)
        assert who(ports, token) is None
        assert who(ports, other) == CLERK

    def test_a_disabled_account_is_out_at_once(self, ports: MonthPorts) -> None:
        token = log_in(ports)
        ports.database.transaction(lambda work: accounts.disable_account(work, CLERK, by=ADMIN, now=NOW))
        assert who(ports, token) is None
        assert log_in(ports) is None

    def test_a_session_that_stands_open_ends_with_its_account(self, ports: MonthPorts) -> None:
        """Whatever forgot to end the session: who is disabled is asked anew at each request."""
        token = log_in(ports)

        def disable(work: Work) -> None:
            work.users.change(accounts.account_named(work, CLERK), disabled_at=NOW)

        assert who(ports, token) == CLERK
        ports.database.transaction(disable)
        session = ports.database.read(lambda work: work.users.session(sessions.token_hash(str(token))))
        assert session is not None
        assert session[0].ended_at is None
        assert who(ports, token) is None

    def test_an_account_is_enabled_again_with_the_password_it_had(self, ports: MonthPorts) -> None:
        def act(change: Callable[..., object]) -> None:
            ports.database.transaction(lambda work: change(work, CLERK, by=ADMIN, now=NOW))

        token = log_in(ports)
        act(accounts.disable_account)
        act(accounts.enable_account)
        assert who(ports, token) is None  # what was ended stays so
        assert who(ports, log_in(ports)) == CLERK
        head = ports.database.read(lambda work: work.audit.head())
        act(accounts.enable_account)
        assert ports.database.read(lambda work: work.audit.head()) == head

    def test_a_lock_out_is_ended_without_another_password(self, ports: MonthPorts) -> None:
        for _ in range(FAILURES_ALLOWED):
            log_in(ports, password="wrong wrong wrong")
        assert log_in(ports) is None
        ports.database.transaction(lambda work: accounts.enable_account(work, CLERK, by=ADMIN, now=NOW))
        assert log_in(ports) is not None
        record = ports.database.read(lambda work: list(work.audit.records()))[-1]
        assert (record.actor, record.action, record.subject) == (ADMIN, "enable_user", f"user:{CLERK}")
        before, after = (json.loads(record.detail)[side]["locked_until"] for side in ("before", "after"))
        assert before == (NOW + LOCKED_FOR).isoformat()
        assert after is None

    def test_nobody_else_lets_somebody_in_again(self, ports: MonthPorts) -> None:
        def enable(by: str) -> None:
            ports.database.transaction(lambda work: accounts.enable_account(work, CLERK, by=by, now=NOW))

        assert refused(lambda: enable(CLERK)) == "right_missing"
        assert refused(lambda: enable("没有人")) == "user_unknown"

    def test_a_new_password_ends_every_session_and_the_lock(self, ports: MonthPorts) -> None:
        token = log_in(ports)
        for _ in range(FAILURES_ALLOWED):
            log_in(ports, password="wrong wrong wrong")
        new = f"{PASSWORD}!"
        accounts.set_password(ports, CLERK, new, passwords=QuickPasswords(), by=ADMIN, now=NOW)
        assert who(ports, token) is None
        assert log_in(ports) is None
        assert log_in(ports, password=new) is not None

    def test_a_session_put_in_behind_the_program_is_nobody_s(
        self, ports: MonthPorts, database: Database
    ) -> None:
        with database.engine.begin() as connection:
            connection.exec_driver_sql(
                "INSERT INTO user_session (token_hash, account, started_at, last_seen_at) "
                f"VALUES ('{sessions.token_hash('mine')}', '{CLERK}', '2026-09-01T01:00:00+00:00', "
                "'2026-09-01T01:00:00+00:00')"
            )
        assert who(ports, "mine") is None

    def test_use_of_a_session_is_no_fact_for_the_trail(self, ports: MonthPorts) -> None:
        token = log_in(ports)
        head = ports.database.read(lambda work: work.trail.head())
        assert who(ports, token, NOW + timedelta(minutes=5)) == CLERK
        assert ports.database.read(lambda work: work.trail.head()) == head
        assert ports.database.read(lambda work: verify_everything(work, [])).faults == []


class TestTheReportOfRights:
    NOW = datetime(2026, 12, 1, 9, 0, tzinfo=SHANGHAI)

    def report(self, ports: MonthPorts) -> RightsReport:
        return ports.database.read(lambda work: rights_report(work, self.NOW))

    def test_who_has_which_right_and_came_in_when(self, ports: MonthPorts) -> None:
        enter(ports.database, ADMIN, Role.SEC_ADMIN)
        enter(ports.database, CLERK, Role.MAKER, "taizhou")
        log_in(ports, now=self.NOW - timedelta(hours=2))
        log_in(ports, now=self.NOW - timedelta(hours=1))
        log_in(ports, now=self.NOW - timedelta(hours=3))
        found = {each.account.name: each for each in self.report(ports).accounts}
        assert found[ADMIN].rights == (Right.MANAGE_USERS,)
        assert set(found[CLERK].rights) == RIGHTS[Role.MAKER]
        assert (found[ADMIN].last_log_in, found[CLERK].last_log_in) == (None, self.NOW - timedelta(hours=1))
        ports.database.transaction(lambda work: accounts.disable_account(work, CLERK, by=ADMIN, now=self.NOW))
        (gone,) = [each for each in self.report(ports).accounts if each.account.name == CLERK]
        assert gone.rights == ()

    def test_accounts_that_nobody_used_for_90_days(self, ports: MonthPorts) -> None:
        enter(ports.database, ADMIN, Role.SEC_ADMIN)
        for name, days in (("甲经办", 91), ("乙经办", 90), ("丙经办", 200)):
            enter(ports.database, name, Role.MAKER)
            log_in(ports, name, now=self.NOW - timedelta(days=days))
        ports.database.transaction(
            lambda work: accounts.disable_account(work, "丙经办", by=ADMIN, now=self.NOW)
        )
        # The administrator never logged in and is 91 days old; who is disabled needs no look.
        assert [each.account.name for each in self.report(ports).unused] == sorted(["甲经办", ADMIN])

    def test_who_is_locked_out_now(self, ports: MonthPorts) -> None:
        for name, ago in (("甲经办", LOCKED_FOR - timedelta(seconds=1)), ("乙经办", LOCKED_FOR)):
            enter(ports.database, name, Role.MAKER)
            for _ in range(FAILURES_ALLOWED):
                log_in(ports, name, "wrong wrong wrong", now=self.NOW - ago)
        assert [each.account.name for each in self.report(ports).locked] == ["甲经办"]

    def test_what_was_changed_since_yesterday(self, ports: MonthPorts) -> None:
        enter(ports.database, ADMIN, Role.SEC_ADMIN)
        midnight = datetime(2026, 11, 30, tzinfo=SHANGHAI)
        for name, at in (
            ("甲经办", midnight - timedelta(seconds=1)),
            ("乙经办", midnight),
            ("丙经办", self.NOW),
        ):
            wanted = NewAccount(name, Role.MAKER)
            accounts.add_account(ports, wanted, PASSWORD, passwords=QuickPasswords(), by=ADMIN, now=at)
        report = self.report(ports)
        assert report.since == midnight
        assert [(each.action, each.subject) for each in report.changes] == [
            ("add_user", "user:丙经办"),
            ("add_user", "user:乙经办"),
        ]


def test_nobody_has_rights_of_two_sides() -> None:
    business = set(Right) - {
        Right.READ_CITY,
        Right.READ_COUNTY,
        Right.AUDIT,
        Right.MANAGE_USERS,
        Right.MAINTAIN,
    }
    assert RIGHTS.keys() == set(Role)
    assert not RIGHTS[Role.AUDITOR] & (business | {Right.MANAGE_USERS, Right.MAINTAIN})
    for administrator in (Role.SEC_ADMIN, Role.SYS_ADMIN):
        assert len(RIGHTS[administrator]) == 1
        assert not RIGHTS[administrator] & business
    money = (Right.ORDER_PAYMENT, Right.APPROVE_PAYMENT, Right.RELEASE_PAYMENT)
    holders = [[role for role in Role if right in RIGHTS[role]] for right in money]
    assert holders == [[Role.MAKER], [Role.CHECKER], [Role.RELEASER]]
    assert {role for role in Role if Right.READ_CITY in RIGHTS[role]} == {
        Role.MAKER,
        Role.CHECKER,
        Role.RELEASER,
        Role.AUDITOR,
    }
