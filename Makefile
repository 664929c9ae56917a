# HAProxyDB. `make run` and `make test` work on a fresh Debian 12 with a Swift toolchain: what is missing of
# Debian's packages is installed first (scripts/deps).

SWIFT ?= swift
export SWIFT
JOBS ?= $(shell nproc)

.PHONY: help build run demo test unit integration lint bench deps clean

help:
	@echo 'make run          an embedded pair of MariaDB servers, the proxy before it, and a live view'
	@echo 'make demo         load through the proxy, kill -9 of the primary, and what the clients felt'
	@echo 'make test         everything that is tested: lint, unit tests, integration tests'
	@echo 'make build        the release build: .build/release/haproxydb'
	@echo 'make unit         the tests that need no server'
	@echo 'make integration  the tests with real servers'
	@echo 'make fidelity     session scripts directly and through moves, on each server of the matrix: FIDELITY_MINUTES=10; root'
	@echo 'make matrix       the integration tests on MariaDB 10.5, 10.11 and 11.8, without and with a binary log; needs root'
	@echo 'make conformance  MariaDB'\''s own tests directly and through the proxy, in three protocols; about two hours'
	@echo 'make connectors   PyMySQL'\''s and SQLAlchemy'\''s own tests directly and through the proxy; needs PyPI'
	@echo 'make asan         unit and integration tests in an AddressSanitizer build; ASAN_TESTS=REGEX: fewer of the latter'
	@echo 'make tsan         the same under ThreadSanitizer'
	@echo 'make fuzz         hostile clients and nodes against a real pair and an AddressSanitizer build: FUZZ_MINUTES=10'
	@echo 'make hostile      50 honest sessions for 60 s, and then beside hostile ones: what that costs them'
	@echo 'make fuzz-parsers coverage-guided and damaged input for all parsers, FUZZ_SECONDS=600'
	@echo 'make lint         the direction of dependency, and the format'
	@echo 'make web-test     the page and the HTML report in a headless Chromium'
	@echo 'make bench        against a direct connection and HAProxy in TCP mode'
	@echo 'make campaign     25 induced outages under load, and the availability log held against what the clients felt'
	@echo 'make soak         a mixed load for SOAK_MINUTES=30, and every second of the ledger checked'
	@echo 'make cluster-test  a real two-node Pacemaker cluster in namespaces; needs root, takes about 4 minutes'
	@echo 'make study        JMeter, 10 to 500 users, the primary killed: with the proxy and without; needs root, 20 minutes'
	@echo 'make drbd-lab     two virtual machines with real DRBD; needs root, and about an hour with two idle cores'
	@echo 'make clean        removes .build'

build: deps
	$(SWIFT) build -c release -j $(JOBS)

run: build
	.build/release/haproxydb-lab run

demo: build
	.build/release/haproxydb-lab demo

test: lint unit integration

unit: build-tests
	scripts/swift-tests --skip '^(IntegrationTests|WebTests)\.'
	/usr/bin/python3 -m unittest discover -q -s Tests/Study

# By themselves: they measure how long a failover takes.
integration: build-tests
	scripts/swift-tests --no-parallel --filter '^IntegrationTests\.'

# On other releases of MariaDB as well, each without and with a binary log: MATRIX=11.8, MATRIX_TESTS=REGEX for a part.
.PHONY: matrix servers
matrix: export MATRIX ?= 10.5 10.11 11.8
matrix: MATRIX_TESTS ?= ^IntegrationTests\.
matrix: build-tests servers
	scripts/matrix scripts/swift-tests --no-parallel --filter '$(MATRIX_TESTS)'

# Every answer after a move against the direct one (docs/testing.md): FIDELITY_MINUTES for each server of the matrix,
# without and with a binary log; FIDELITY_SEED repeats a run, FIDELITY='--batches 1 --sessions 4' and others: a part. What
# was found is in .build/fidelity. FIDELITY='--writes 50000 --moves 200': nothing is written twice, and nothing is lost.
.PHONY: fidelity
fidelity: export MATRIX ?= 10.5 10.11 11.8
fidelity: FIDELITY_MINUTES ?= 10
fidelity: FIDELITY_SEED ?= $(shell date +%s)
fidelity: servers
	scripts/deps test
	$(SWIFT) build -j $(JOBS) --product haproxydb
	$(SWIFT) build -j $(JOBS) --product haproxydb-lab
	scripts/matrix .build/debug/haproxydb-lab fidelity --minutes $(FIDELITY_MINUTES) --seed $(FIDELITY_SEED) $(FIDELITY)

# Debian's mariadb-test: CONFORMANCE='--dialects ps type_date' takes a part. Exceptions: Tests/Conformance/exceptions.txt.
.PHONY: conformance
conformance: test-deps
	scripts/deps conformance
	$(SWIFT) build -j $(JOBS) --product haproxydb
	$(SWIFT) build -j $(JOBS) --product haproxydb-lab
	.build/debug/haproxydb-lab conformance $(CONFORMANCE)

# CONNECTORS='--only sqlalchemy --tests test/dialect/mysql' takes a part. Exceptions: Tests/Conformance/connectors.txt.
.PHONY: connectors
connectors: test-deps
	$(SWIFT) build -j $(JOBS) --product haproxydb
	$(SWIFT) build -j $(JOBS) --product haproxydb-lab
	.build/debug/haproxydb-lab both --option=--max-connections=500 -- Tests/Conformance/connectors $(CONNECTORS)

servers:
	scripts/deps matrix
	scripts/servers

# The tests in sanitizers' builds, which are beside the others in .build/asan and .build/tsan. TSAN's lock: see Guarded.
ASAN = --scratch-path .build/asan --sanitize=address
TSAN = --scratch-path .build/tsan --sanitize=thread
.PHONY: asan asan-build tsan tsan-build
asan-build: test-deps
	$(SWIFT) build --build-tests $(ASAN) -j $(JOBS)

asan: export ASAN_TESTS ?= ^IntegrationTests\.
asan: export ASAN_SKIP ?= ^(IntegrationTests|WebTests)\.
asan: asan-build
	scripts/sanitized address scripts/swift-tests $(ASAN) --skip '$(ASAN_SKIP)'
	scripts/sanitized address scripts/swift-tests $(ASAN) --no-parallel --filter '$(ASAN_TESTS)'

tsan-build: test-deps
	$(SWIFT) build --build-tests $(TSAN) -Xswiftc -DTHREAD_SANITIZER -j $(JOBS)

tsan: export TSAN_TESTS ?= ^IntegrationTests\.
tsan: tsan-build
	scripts/sanitized thread scripts/swift-tests $(TSAN) --skip '^(IntegrationTests|WebTests)\.'
	scripts/sanitized thread scripts/swift-tests $(TSAN) --no-parallel --filter '$(TSAN_TESTS)'

# The page and the report in a headless Chromium; the pictures are in .build/web-test.
.PHONY: web-test
web-test: test-deps
	scripts/deps web
	$(SWIFT) build --build-tests -j $(JOBS)
	scripts/swift-tests --filter '^WebTests\.'

.PHONY: build-tests test-deps
build-tests: test-deps
	$(SWIFT) build --build-tests -j $(JOBS)

test-deps:
	scripts/deps test

lint: test-deps
	scripts/lint

bench:
	scripts/deps bench
	$(SWIFT) build -c release -j $(JOBS)
	Benchmarks/run

.PHONY: soak
soak: export SOAK_MINUTES ?= 30
soak: build
	.build/release/haproxydb-lab soak --minutes $(SOAK_MINUTES)

# 25 induced outages, each of them in the availability log as the clients felt it; about 6 minutes.
.PHONY: campaign
campaign: export SEED ?= 1
campaign: build
	.build/release/haproxydb-lab campaign --outages 25 --seed $(SEED)

# A real two-node Pacemaker cluster in namespaces (docs/cluster-testbed.md); as root. CLUSTER_TEST='--moves 20' and others:
# Tests/Cluster/cluster-test --help.
.PHONY: cluster-test
cluster-test:
	scripts/deps cluster
	$(SWIFT) build -c release -j $(JOBS) --product haproxydb
	Tests/Cluster/cluster-test $(CLUSTER_TEST)

# The seed study again, with JMeter (docs/study.md); as root. A short one:
# make study STUDY_USERS=10 STUDY_SECONDS=20 STUDY_CONDITIONS=no
STUDY_USERS ?= 10,50,100,300,500
STUDY_SECONDS ?= 60
STUDY_CONDITIONS ?= yes
.PHONY: study
study:
	scripts/deps study
	$(SWIFT) build -c release -j $(JOBS) --product haproxydb
	Tests/Study/study run --users "$(STUDY_USERS)" --seconds "$(STUDY_SECONDS)" \
		$(if $(filter yes,$(STUDY_CONDITIONS)),--conditions) $(STUDY)

# Two emulated Debian machines with the kernel's DRBD (docs/drbd-lab.md); as root. DRBD_LAB="--only link,split": a part.
.PHONY: drbd-lab
drbd-lab:
	scripts/deps drbd-lab
	$(SWIFT) build -c release -j $(JOBS) --product haproxydb
	Tests/DRBDLab/drbd-lab $(DRBD_LAB)

# Everything comes out of the seed, which is printed: FUZZ_SEED=… FUZZ_ROUNDS=1 repeats a round. What was found is in
# .build/fuzz/seed-…: the scripts, what went over the connections, the proxy's log.
.PHONY: fuzz hostile
FUZZ_MINUTES ?= 10
fuzz:
	scripts/deps test
	$(SWIFT) build $(ASAN) -j $(JOBS) --product haproxydb
	$(SWIFT) build $(ASAN) -j $(JOBS) --product haproxydb-lab
	scripts/sanitized address .build/asan/debug/haproxydb-lab fuzz --minutes $(FUZZ_MINUTES) \
		--seed $(or $(FUZZ_SEED),$(shell date +%s)) $(if $(FUZZ_ROUNDS),--rounds $(FUZZ_ROUNDS))

hostile: export HOSTILE_SECONDS ?= 60
hostile: build
	.build/release/haproxydb-lab hostile --seconds $(HOSTILE_SECONDS)

# Everything that reads a peer's or a file's bytes (docs/fuzzing-parsers.md): three quarters of FUZZ_SECONDS for
# libFuzzer, the rest for the tests' own damaged input. A crash of these leaves the seed of its round in .build/fuzz-*:
# repeat it with FUZZ_SEED set to that and FUZZ_SECONDS=1.
.PHONY: fuzz-parsers
fuzz-parsers: FUZZ_SECONDS ?= 600
fuzz-parsers: build-tests
	FUZZ_SECONDS=$$(($(FUZZ_SECONDS) * 3 / 4)) JOBS=$(JOBS) Fuzz/run
	for each in formats:ClusterFormatsTests.FuzzTests evidence:EvidenceTests.FuzzTests wire:MySQLWireTests.GarbageTests; do \
		FUZZ_SECONDS=$$(($(FUZZ_SECONDS) / 12 + 1)) FUZZ_STATE=$(CURDIR)/.build/fuzz-$${each%%:*} \
			$(SWIFT) test --skip-build --filter "^$${each#*:}" || exit 1; \
	done

deps:
	scripts/deps run

clean:
	rm -rf .build

# The OCF resource agents under ocf-tester; as root.
.PHONY: ocf-test
ocf-test: test-deps
	scripts/deps ocf
	$(SWIFT) build --product haproxydb -j $(JOBS)
	scripts/ocf-test
