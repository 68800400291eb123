-- Tables of a database at revision 0010, the baseline of the migrations. Never made anew: later versions upgrade it.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE applications (
	city VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	number INTEGER NOT NULL,
	prepared_by VARCHAR(64) NOT NULL,
	prepared_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_applications PRIMARY KEY (city, month, fund, number),
	CONSTRAINT ck_applications_number CHECK (number >= 1)
);
CREATE TABLE audit (
	number INTEGER NOT NULL,
	at VARCHAR(32) NOT NULL,
	actor VARCHAR(64) NOT NULL,
	action VARCHAR(64) NOT NULL,
	subject VARCHAR(200) NOT NULL,
	before_digest VARCHAR(64),
	after_digest VARCHAR(64),
	detail TEXT NOT NULL,
	reason TEXT,
	previous_hash VARCHAR(64) NOT NULL,
	hash VARCHAR(64) NOT NULL,
	CONSTRAINT pk_audit PRIMARY KEY (number),
	CONSTRAINT uq_audit_previous_hash UNIQUE (previous_hash)
);
CREATE TABLE bank_account (
	id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	unit VARCHAR(32) NOT NULL,
	account_type VARCHAR(32) NOT NULL,
	version INTEGER NOT NULL,
	account_no VARCHAR(64) NOT NULL,
	account_name VARCHAR(200) NOT NULL,
	bank_name VARCHAR(200) NOT NULL,
	status VARCHAR(16) NOT NULL,
	maker VARCHAR(64) NOT NULL,
	proposed_at VARCHAR(32) NOT NULL,
	checker VARCHAR(64),
	approved_at VARCHAR(32),
	usable_from VARCHAR(32), seal VARCHAR(64),
	CONSTRAINT pk_bank_account PRIMARY KEY (id),
	CONSTRAINT ck_bank_account_named CHECK (account_no <> '' and account_name <> ''),
	CONSTRAINT ck_bank_account_approved_by_somebody CHECK (status = 'proposed' or checker is not null),
	CONSTRAINT ck_bank_account_status CHECK (status in ('proposed', 'approved', 'retired')),
	CONSTRAINT ck_bank_account_maker_is_not_checker CHECK (checker is null or checker <> maker),
	CONSTRAINT uq_bank_account_city_fund_unit_account_type_version UNIQUE (city, fund, unit, account_type, version)
);
CREATE TABLE budgets (
	city VARCHAR(32) NOT NULL,
	year INTEGER NOT NULL,
	county VARCHAR(16) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	revision INTEGER NOT NULL,
	amount_fen BIGINT NOT NULL,
	document_number VARCHAR(64) NOT NULL,
	recorded_by VARCHAR(64) NOT NULL,
	recorded_at VARCHAR(32) NOT NULL, seal VARCHAR(64),
	CONSTRAINT pk_budgets PRIMARY KEY (city, year, county, fund, revision),
	CONSTRAINT ck_budgets_amount CHECK (amount_fen >= 0)
);
CREATE TABLE callback_inbox (
	id INTEGER NOT NULL,
	gateway VARCHAR(32) NOT NULL,
	event_id VARCHAR(128) NOT NULL,
	attempt_key VARCHAR(64) NOT NULL,
	received_at VARCHAR(32) NOT NULL,
	raw BLOB NOT NULL,
	CONSTRAINT pk_callback_inbox PRIMARY KEY (id),
	CONSTRAINT uq_callback_inbox_gateway_event_id UNIQUE (gateway, event_id)
);
CREATE TABLE extensions (
	id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	step VARCHAR(48) NOT NULL,
	unit VARCHAR(16),
	until DATE NOT NULL,
	document_number VARCHAR(64) NOT NULL,
	approver VARCHAR(64) NOT NULL,
	recorded_by VARCHAR(64) NOT NULL,
	recorded_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_extensions PRIMARY KEY (id),
	CONSTRAINT ck_extensions_two_people CHECK (lower(approver) <> lower(recorded_by)),
	CONSTRAINT uq_extensions_city_month_step_unit_document_number UNIQUE (city, month, step, unit, document_number)
);
CREATE TABLE gateway_call (
	id INTEGER NOT NULL,
	attempt_key VARCHAR(64) NOT NULL,
	operation VARCHAR(8) NOT NULL,
	phase VARCHAR(8) NOT NULL,
	worker_epoch INTEGER NOT NULL,
	at VARCHAR(32) NOT NULL,
	answer VARCHAR(32),
	reason TEXT,
	raw BLOB,
	CONSTRAINT pk_gateway_call PRIMARY KEY (id),
	CONSTRAINT ck_gateway_call_phase CHECK (phase in ('started', 'finished'))
);
CREATE TABLE kill_switch (
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	is_stopped INTEGER NOT NULL,
	reason TEXT NOT NULL,
	"by" VARCHAR(64) NOT NULL,
	at VARCHAR(32) NOT NULL,
	restart_asked_by VARCHAR(64),
	restarted_by VARCHAR(64), seal VARCHAR(64),
	CONSTRAINT pk_kill_switch PRIMARY KEY (city, fund),
	CONSTRAINT ck_kill_switch_restarted_by_two_people CHECK (restarted_by is null or restarted_by <> restart_asked_by)
);
CREATE TABLE ledger_account (
	id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	type VARCHAR(32) NOT NULL,
	unit VARCHAR(32) NOT NULL,
	detail VARCHAR(64) NOT NULL,
	is_cash INTEGER NOT NULL,
	posted_fen BIGINT NOT NULL,
	reserved_fen BIGINT NOT NULL,
	overdraft_evidence VARCHAR(200),
	CONSTRAINT pk_ledger_account PRIMARY KEY (id),
	CONSTRAINT ck_ledger_account_cash_not_negative CHECK (is_cash = 0 or posted_fen >= 0 or overdraft_evidence is not null),
	CONSTRAINT ck_ledger_account_reserved_not_negative CHECK (reserved_fen >= 0),
	CONSTRAINT uq_ledger_account_city_fund_type_unit_detail UNIQUE (city, fund, type, unit, detail)
);
CREATE TABLE month_lock (
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	closed_at VARCHAR(32) NOT NULL,
	closed_by VARCHAR(64) NOT NULL,
	head_hash VARCHAR(64) NOT NULL,
	CONSTRAINT pk_month_lock PRIMARY KEY (city, fund, month)
);
CREATE TABLE nil_returns (
	city VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	document VARCHAR(32) NOT NULL,
	county VARCHAR(16) NOT NULL,
	reason TEXT NOT NULL,
	declared_by VARCHAR(64) NOT NULL,
	received_at VARCHAR(32) NOT NULL,
	recorded_at VARCHAR(32) NOT NULL, document_number VARCHAR(64), approver VARCHAR(64),
	CONSTRAINT pk_nil_returns PRIMARY KEY (city, month, document, county)
);
CREATE TABLE openings (
	city VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	county VARCHAR(16) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	closing_fen BIGINT NOT NULL,
	spending_fen BIGINT,
	year_spending_fen BIGINT,
	year_paid_fen BIGINT,
	recorded_by VARCHAR(64) NOT NULL,
	recorded_at VARCHAR(32) NOT NULL, seal VARCHAR(64),
	CONSTRAINT pk_openings PRIMARY KEY (city, month, county, fund)
);
CREATE TABLE raw_files (
	sha256 VARCHAR(64) NOT NULL,
	size_bytes BIGINT NOT NULL,
	stored_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_raw_files PRIMARY KEY (sha256)
);
CREATE TABLE reconciliation_break (
	id INTEGER NOT NULL,
	kind VARCHAR(32) NOT NULL,
	reference VARCHAR(200) NOT NULL,
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	detail_zh TEXT NOT NULL,
	detail_en TEXT NOT NULL,
	stops_fund INTEGER NOT NULL,
	found_at VARCHAR(32) NOT NULL,
	owner VARCHAR(64),
	resolved_at VARCHAR(32),
	resolved_by VARCHAR(64),
	resolution TEXT,
	CONSTRAINT pk_reconciliation_break PRIMARY KEY (id),
	CONSTRAINT ck_reconciliation_break_resolved_with_a_reason CHECK (resolved_at is null or resolution is not null),
	CONSTRAINT uq_reconciliation_break_kind_reference UNIQUE (kind, reference)
);
CREATE TABLE scheduled_steps (
	id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	step VARCHAR(48) NOT NULL,
	month VARCHAR(7) NOT NULL,
	business_date DATE NOT NULL,
	reserved_at VARCHAR(32) NOT NULL,
	run_id VARCHAR(64),
	CONSTRAINT pk_scheduled_steps PRIMARY KEY (id),
	CONSTRAINT uq_scheduled_steps_city_step_month_business_date UNIQUE (city, step, month, business_date)
);
CREATE TABLE statement_day (
	account_no VARCHAR(64) NOT NULL,
	day VARCHAR(10) NOT NULL,
	lines INTEGER NOT NULL,
	imported_at VARCHAR(32) NOT NULL, sequence INTEGER,
	CONSTRAINT pk_statement_day PRIMARY KEY (account_no, day)
);
CREATE TABLE statement_line (
	id INTEGER NOT NULL,
	account_no VARCHAR(64) NOT NULL,
	bank_serial VARCHAR(64) NOT NULL,
	direction VARCHAR(8) NOT NULL,
	amount_fen BIGINT NOT NULL,
	attempt_key VARCHAR(64),
	counterparty VARCHAR(200),
	executed_at VARCHAR(32) NOT NULL,
	imported_at VARCHAR(32) NOT NULL, counterparty_account VARCHAR(64),
	CONSTRAINT pk_statement_line PRIMARY KEY (id),
	CONSTRAINT ck_statement_line_direction CHECK (direction in ('debit', 'credit')),
	CONSTRAINT ck_statement_line_amount_positive CHECK (amount_fen > 0),
	CONSTRAINT uq_statement_line_account_no_bank_serial UNIQUE (account_no, bank_serial)
);
CREATE TABLE step_runs (
	id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	step VARCHAR(48) NOT NULL,
	counties TEXT,
	asked_by VARCHAR(64) NOT NULL,
	run_id VARCHAR(64),
	business_time VARCHAR(32) NOT NULL,
	outcomes TEXT,
	CONSTRAINT pk_step_runs PRIMARY KEY (id)
);
CREATE TABLE transfer_batch (
	id INTEGER NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	hop VARCHAR(64) NOT NULL,
	application INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	total_fen BIGINT NOT NULL,
	count INTEGER NOT NULL,
	maker VARCHAR(64) NOT NULL,
	made_at VARCHAR(32) NOT NULL,
	checker VARCHAR(64),
	approved_at VARCHAR(32),
	approved_digest VARCHAR(64),
	releaser VARCHAR(64),
	released_at VARCHAR(32),
	version INTEGER NOT NULL, seal VARCHAR(64),
	CONSTRAINT pk_transfer_batch PRIMARY KEY (id),
	CONSTRAINT ck_transfer_batch_released_by_somebody CHECK (state <> 'released' or releaser is not null),
	CONSTRAINT ck_transfer_batch_approved_with_a_digest CHECK (state in ('submitted', 'cancelled') or (checker is not null and approved_digest is not null)),
	CONSTRAINT ck_transfer_batch_maker_is_not_checker CHECK (checker is null or checker <> maker),
	CONSTRAINT ck_transfer_batch_releaser_is_a_third_person CHECK (releaser is null or (releaser <> maker and releaser <> checker)),
	CONSTRAINT ck_transfer_batch_totals_positive CHECK (total_fen > 0 and count > 0),
	CONSTRAINT uq_transfer_batch_key UNIQUE ("key")
);
CREATE TABLE voucher (
	id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	number INTEGER NOT NULL,
	recorded_at VARCHAR(32) NOT NULL,
	made_by VARCHAR(64) NOT NULL,
	lines INTEGER NOT NULL,
	previous_hash VARCHAR(64) NOT NULL,
	hash VARCHAR(64) NOT NULL,
	CONSTRAINT pk_voucher PRIMARY KEY (id),
	CONSTRAINT uq_voucher_city_fund_number UNIQUE (city, fund, number)
);
CREATE TABLE writers_turn (
	id INTEGER NOT NULL,
	CONSTRAINT pk_writers_turn PRIMARY KEY (id)
);
CREATE TABLE application_lines (
	city VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	number INTEGER NOT NULL,
	county VARCHAR(16) NOT NULL,
	prepared_by VARCHAR(64) NOT NULL,
	applied_fen BIGINT NOT NULL,
	reviewed_fen BIGINT,
	reason TEXT,
	reviewed_by VARCHAR(64),
	reviewed_at VARCHAR(32), seal VARCHAR(64),
	CONSTRAINT pk_application_lines PRIMARY KEY (city, month, fund, number, county),
	CONSTRAINT ck_application_lines_reviewer CHECK ((reviewed_fen IS NULL) = (reviewed_by IS NULL)),
	CONSTRAINT ck_application_lines_applied CHECK (applied_fen >= 0),
	CONSTRAINT ck_application_lines_two_people CHECK (reviewed_by IS NULL OR lower(reviewed_by) <> lower(prepared_by)),
	CONSTRAINT ck_application_lines_reviewed CHECK (reviewed_fen IS NULL OR (reviewed_fen BETWEEN 0 AND applied_fen)),
	CONSTRAINT ck_application_lines_cut_reason CHECK (reviewed_fen IS NULL OR reviewed_fen = applied_fen OR reason IS NOT NULL),
	CONSTRAINT fk_application_lines_city_month_fund_number FOREIGN KEY(city, month, fund, number) REFERENCES applications (city, month, fund, number),
	CONSTRAINT uq_application_lines_city_month_fund_county UNIQUE (city, month, fund, county)
);
CREATE TABLE filings (
	city VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	version INTEGER NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	file_name VARCHAR(255) NOT NULL,
	content_digest VARCHAR(64) NOT NULL,
	filed_by VARCHAR(64) NOT NULL,
	filed_at VARCHAR(32) NOT NULL, sources TEXT,
	CONSTRAINT pk_filings PRIMARY KEY (city, month, version),
	CONSTRAINT fk_filings_sha256 FOREIGN KEY(sha256) REFERENCES raw_files (sha256)
);
CREATE TABLE "attempt" (
	id INTEGER NOT NULL,
	obligation_id INTEGER NOT NULL,
	attempt_no INTEGER NOT NULL,
	"key" VARCHAR(64) NOT NULL,
	state VARCHAR(16) NOT NULL,
	version INTEGER NOT NULL,
	amount_fen BIGINT NOT NULL,
	request BLOB NOT NULL,
	request_hash VARCHAR(64) NOT NULL,
	prepared_at VARCHAR(32) NOT NULL,
	valid_until VARCHAR(32) NOT NULL,
	first_sent_at VARCHAR(32),
	last_sent_at VARCHAR(32),
	resend_until VARCHAR(32),
	lease_until VARCHAR(32),
	worker VARCHAR(64),
	worker_epoch INTEGER NOT NULL,
	was_unknown INTEGER NOT NULL,
	times_asked INTEGER NOT NULL,
	next_query_at VARCHAR(32),
	reason TEXT,
	bank_serial VARCHAR(64),
	executed_at VARCHAR(32),
	fenced_at VARCHAR(32),
	absence_confirmed_by VARCHAR(64),
	returned_fen BIGINT DEFAULT '0' NOT NULL,
	seal VARCHAR(64),
	CONSTRAINT pk_attempt PRIMARY KEY (id),
	CONSTRAINT uq_attempt_obligation_id_attempt_no UNIQUE (obligation_id, attempt_no),
	CONSTRAINT uq_attempt_key UNIQUE ("key"),
	CONSTRAINT ck_attempt_amount_positive CHECK (amount_fen > 0),
	CONSTRAINT fk_attempt_obligation_id FOREIGN KEY(obligation_id) REFERENCES obligation (id),
	CONSTRAINT ck_attempt_sending_has_a_lease CHECK (state <> 'sending' or lease_until is not null),
	CONSTRAINT ck_attempt_returned_within_amount CHECK (returned_fen between 0 and amount_fen),
	CONSTRAINT ck_attempt_state CHECK (state in ('prepared', 'sending', 'unknown', 'accepted', 'succeeded', 'rejected', 'closing', 'closed', 'returned', 'anomaly', 'partly_returned'))
);
CREATE TABLE "posting" (
	id INTEGER NOT NULL,
	voucher_id INTEGER NOT NULL,
	line INTEGER NOT NULL,
	"key" VARCHAR(300) NOT NULL,
	debit_id INTEGER NOT NULL,
	credit_id INTEGER NOT NULL,
	amount_fen BIGINT NOT NULL,
	flow VARCHAR(32) NOT NULL,
	phase VARCHAR(8) NOT NULL,
	event_at VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	adjusts_month VARCHAR(7),
	resolves VARCHAR(300),
	reverses VARCHAR(300),
	attempt_key VARCHAR(64),
	leg VARCHAR(16),
	memo TEXT NOT NULL,
	CONSTRAINT pk_posting PRIMARY KEY (id),
	CONSTRAINT fk_posting_voucher_id FOREIGN KEY(voucher_id) REFERENCES voucher (id),
	CONSTRAINT ck_posting_resolves_a_reserve CHECK ((phase in ('post', 'void')) = (resolves is not null)),
	CONSTRAINT fk_posting_credit_id FOREIGN KEY(credit_id) REFERENCES ledger_account (id),
	CONSTRAINT ck_posting_amount_positive CHECK (amount_fen > 0),
	CONSTRAINT ck_posting_two_accounts CHECK (debit_id <> credit_id),
	CONSTRAINT ck_posting_phase CHECK (phase in ('direct', 'reserve', 'post', 'void')),
	CONSTRAINT uq_posting_key UNIQUE ("key"),
	CONSTRAINT fk_posting_debit_id FOREIGN KEY(debit_id) REFERENCES ledger_account (id),
	CONSTRAINT uq_posting_voucher_id_line UNIQUE (voucher_id, line)
);
CREATE TABLE received_files (
	id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	document VARCHAR(32) NOT NULL,
	sha256 VARCHAR(64) NOT NULL,
	file_name VARCHAR(255) NOT NULL,
	received_at VARCHAR(32) NOT NULL,
	received_from VARCHAR(64) NOT NULL,
	declared_county VARCHAR(16),
	declared_month VARCHAR(7),
	state VARCHAR(16) NOT NULL,
	problem_code VARCHAR(64),
	problem_zh TEXT,
	problem_en TEXT,
	remedy TEXT,
	CONSTRAINT pk_received_files PRIMARY KEY (id),
	CONSTRAINT ck_received_files_state CHECK (state IN ('received', 'read', 'unreadable', 'refused')),
	CONSTRAINT ck_received_files_problem CHECK (state NOT IN ('unreadable', 'refused') OR problem_zh IS NOT NULL),
	CONSTRAINT fk_received_files_sha256 FOREIGN KEY(sha256) REFERENCES raw_files (sha256),
	CONSTRAINT uq_received_files_city_document_sha256 UNIQUE (city, document, sha256)
);
CREATE TABLE submissions (
	id INTEGER NOT NULL,
	file_id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	document VARCHAR(32) NOT NULL,
	county VARCHAR(16) NOT NULL,
	month VARCHAR(7) NOT NULL,
	version INTEGER NOT NULL,
	received_at VARCHAR(32) NOT NULL,
	submitted_by VARCHAR(64) NOT NULL,
	verdict VARCHAR(8),
	judged_at VARCHAR(32),
	returned_at VARCHAR(32),
	returned_by VARCHAR(64),
	return_reason TEXT,
	CONSTRAINT pk_submissions PRIMARY KEY (id),
	CONSTRAINT ck_submissions_verdict CHECK (verdict IN ('pass', 'review', 'return')),
	CONSTRAINT ck_submissions_version CHECK (version >= 1),
	CONSTRAINT fk_submissions_file_id FOREIGN KEY(file_id) REFERENCES received_files (id),
	CONSTRAINT uq_submissions_city_document_county_month_version UNIQUE (city, document, county, month, version),
	CONSTRAINT uq_submissions_file_id_county_month UNIQUE (file_id, county, month)
);
CREATE TABLE judgements (
	id INTEGER NOT NULL,
	submission_id INTEGER NOT NULL,
	judged_at VARCHAR(32) NOT NULL,
	verdict VARCHAR(8) NOT NULL,
	declared INTEGER NOT NULL,
	evaluated INTEGER NOT NULL,
	findings TEXT NOT NULL,
	is_current BOOLEAN NOT NULL,
	CONSTRAINT pk_judgements PRIMARY KEY (id),
	CONSTRAINT fk_judgements_submission_id FOREIGN KEY(submission_id) REFERENCES submissions (id)
);
CREATE TABLE recovery (
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	opened_at VARCHAR(32) NOT NULL,
	since VARCHAR(10) NOT NULL,
	keys_open INTEGER,
	days_open INTEGER,
	first_open VARCHAR(128),
	confirmed_by VARCHAR(64),
	second_by VARCHAR(64),
	finished_at VARCHAR(32),
	CONSTRAINT pk_recovery PRIMARY KEY (city, fund),
	CONSTRAINT ck_recovery_confirmed_by_two_people CHECK (second_by is null or second_by <> confirmed_by),
	CONSTRAINT ck_recovery_finished_by_answers_or_two_people CHECK (finished_at is null or second_by is not null or (keys_open = 0 and days_open = 0))
);
CREATE TABLE "review_cases" (
	city VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	document VARCHAR(32) NOT NULL,
	county VARCHAR(16) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	submission_id INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	requested_fen BIGINT NOT NULL,
	proposed_fen BIGINT,
	approved_fen BIGINT,
	reason TEXT,
	maker VARCHAR(64),
	proposed_at VARCHAR(32),
	checker VARCHAR(64),
	decided_at VARCHAR(32),
	CONSTRAINT pk_review_cases PRIMARY KEY (city, month, document, county, fund),
	CONSTRAINT ck_review_cases_state CHECK (state IN ('ready', 'findings', 'proposed', 'approved', 'cut', 'accepted', 'returned')),
	CONSTRAINT fk_review_cases_submission_id FOREIGN KEY(submission_id) REFERENCES submissions (id),
	CONSTRAINT ck_review_cases_approved_requested CHECK (approved_fen IS NULL OR approved_fen <= requested_fen),
	CONSTRAINT ck_review_cases_checker CHECK (state NOT IN ('approved', 'cut') OR (maker IS NOT NULL AND checker IS NOT NULL)),
	CONSTRAINT ck_review_cases_cut_reason CHECK (state <> 'cut' OR reason IS NOT NULL),
	CONSTRAINT ck_review_cases_two_people CHECK (maker IS NULL OR checker IS NULL OR lower(maker) <> lower(checker)),
	CONSTRAINT ck_review_cases_approved_decided CHECK ((approved_fen IS NOT NULL) = (state IN ('approved', 'cut', 'accepted'))),
	CONSTRAINT ck_review_cases_accepted_by_checks CHECK (state <> 'accepted' OR document NOT IN ('plan', 'working-capital', 'annual-budget'))
);
CREATE TABLE row_trail (
	number INTEGER NOT NULL,
	audit_number INTEGER NOT NULL,
	audit_hash VARCHAR(64) NOT NULL,
	rows TEXT NOT NULL,
	seal VARCHAR(64) NOT NULL,
	CONSTRAINT pk_row_trail PRIMARY KEY (number)
);
CREATE TABLE statement_balance (
	account_no VARCHAR(64) NOT NULL,
	day VARCHAR(10) NOT NULL,
	closing_fen BIGINT NOT NULL,
	source VARCHAR(200) NOT NULL,
	recorded_by VARCHAR(64) NOT NULL,
	recorded_at VARCHAR(32) NOT NULL, opening_fen BIGINT,
	CONSTRAINT pk_statement_balance PRIMARY KEY (account_no, day)
);
CREATE TABLE receipt_match (
	statement_line_id INTEGER NOT NULL,
	posting_key VARCHAR(300) NOT NULL,
	rule VARCHAR(16) NOT NULL,
	matched_by VARCHAR(64) NOT NULL,
	matched_at VARCHAR(32) NOT NULL,
	CONSTRAINT pk_receipt_match PRIMARY KEY (statement_line_id),
	CONSTRAINT ck_receipt_match_rule CHECK (rule in ('reference', 'amount_and_day', 'person')),
	CONSTRAINT fk_receipt_match_statement_line_id FOREIGN KEY(statement_line_id) REFERENCES statement_line (id),
	CONSTRAINT uq_receipt_match_posting_key UNIQUE (posting_key)
);
CREATE TABLE "submission_figures" (
	submission_id INTEGER NOT NULL,
	fund VARCHAR(32) NOT NULL,
	field VARCHAR(48) NOT NULL,
	position INTEGER NOT NULL,
	amount_fen BIGINT,
	sheet VARCHAR(255),
	cell VARCHAR(16),
	line VARCHAR(64) DEFAULT '' NOT NULL,
	CONSTRAINT pk_submission_figures PRIMARY KEY (submission_id, fund, line, field),
	CONSTRAINT fk_submission_figures_submission_id FOREIGN KEY(submission_id) REFERENCES submissions (id)
);
CREATE TABLE "obligation" (
	id INTEGER NOT NULL,
	"key" VARCHAR(200) NOT NULL,
	batch_id INTEGER NOT NULL,
	city VARCHAR(32) NOT NULL,
	fund VARCHAR(32) NOT NULL,
	month VARCHAR(7) NOT NULL,
	hop VARCHAR(64) NOT NULL,
	payer_unit VARCHAR(32) NOT NULL,
	unit VARCHAR(32) NOT NULL,
	purpose VARCHAR(32) NOT NULL,
	application INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	amount_fen BIGINT NOT NULL,
	debit_account_id INTEGER NOT NULL,
	credit_account_id INTEGER NOT NULL,
	state VARCHAR(16) NOT NULL,
	version INTEGER NOT NULL,
	held_reason TEXT,
	settled_at VARCHAR(32),
	retry_asked_by VARCHAR(64),
	returned_fen BIGINT DEFAULT '0' NOT NULL,
	seal VARCHAR(64),
	CONSTRAINT pk_obligation PRIMARY KEY (id),
	CONSTRAINT uq_obligation_key UNIQUE ("key"),
	CONSTRAINT fk_obligation_batch_id FOREIGN KEY(batch_id) REFERENCES transfer_batch (id),
	CONSTRAINT ck_obligation_two_accounts CHECK (debit_account_id <> credit_account_id),
	CONSTRAINT uq_obligation_city_fund_month_hop_unit_purpose_application_revision UNIQUE (city, fund, month, hop, unit, purpose, application, revision),
	CONSTRAINT fk_obligation_debit_account_id FOREIGN KEY(debit_account_id) REFERENCES bank_account (id),
	CONSTRAINT ck_obligation_amount_positive CHECK (amount_fen > 0),
	CONSTRAINT fk_obligation_credit_account_id FOREIGN KEY(credit_account_id) REFERENCES bank_account (id),
	CONSTRAINT ck_obligation_returned_within_amount CHECK (returned_fen between 0 and amount_fen),
	CONSTRAINT ck_obligation_state CHECK (state in ('submitted', 'approved', 'released', 'in_flight', 'settled', 'failed', 'retry_approved', 'cancelled', 'held', 'returned', 'partly_returned'))
);
CREATE INDEX ix_audit_subject ON audit (subject);
CREATE INDEX ix_bank_account_account_no ON bank_account (account_no);
CREATE UNIQUE INDEX uq_bank_account_one_approved ON bank_account (city, fund, unit, account_type) WHERE status = 'approved';
CREATE INDEX ix_gateway_call_attempt_key ON gateway_call (attempt_key);
CREATE INDEX ix_statement_line_attempt_key ON statement_line (attempt_key);
CREATE INDEX ix_transfer_batch_city_month ON transfer_batch (city, month);
CREATE INDEX ix_obligation_city_month ON obligation (city, month);
CREATE INDEX ix_obligation_debit_account_id ON obligation (debit_account_id);
CREATE INDEX ix_obligation_state ON obligation (state);
CREATE INDEX ix_obligation_batch_id ON obligation (batch_id);
CREATE UNIQUE INDEX uq_posting_resolves ON posting (resolves) WHERE resolves is not null;
CREATE UNIQUE INDEX uq_posting_reverses ON posting (reverses) WHERE reverses is not null;
CREATE UNIQUE INDEX uq_posting_attempt_key_leg ON posting (attempt_key, leg) WHERE attempt_key is not null;
CREATE INDEX ix_voucher_recorded_at ON voucher (recorded_at);
CREATE INDEX ix_attempt_state_next_query_at ON attempt (state, next_query_at);
CREATE INDEX ix_attempt_state_executed_at ON attempt (state, executed_at);
CREATE UNIQUE INDEX uq_attempt_one_live ON attempt (obligation_id) WHERE state not in ('rejected', 'closed', 'returned', 'anomaly');
CREATE INDEX ix_submissions_city_month ON submissions (city, month);
CREATE INDEX ix_judgements_submission_id ON judgements (submission_id);
CREATE UNIQUE INDEX ux_judgements_current ON judgements (submission_id) WHERE is_current;
CREATE INDEX ix_attempt_first_sent_at ON attempt (first_sent_at);
