# make demo   builds acmezone, starts it, and does its main job before your eyes
# make test   passes every test, the end-to-end ones too
# make ci     what CI runs: formatting, vet, staticcheck, govulncheck, tests, package, fuzzing
# make stale  10,000 updates beside NSD on a busy machine, each looked at 60 times
# make attack slow connections and floods of requests, measured, while others go on
# make man    the manual page and completions for bash, zsh and fish, in dist
# make deb    the Debian package for this machine, in dist (ARCH=arm64: for another)
# make package-test  installs it in a throw-away copy of this machine, upgrades, purges
# make image  a container image of the static program, with buildah
# make image-test  runs it without any rights, with podman
# make release  static programs, packages, SBOMs and checksums, in dist/release
# make release-check  builds a release twice, elsewhere each time, and compares
# make bench  benchmarks, in the form that benchstat reads
# make help   lists the targets

GO          ?= go
VERSION     ?= $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo development)
COMMIT      ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
COMMITTED   ?= $(shell git log -1 --format=%cs 2>/dev/null)
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
NFPM        := github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
CYCLONEDX   := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
ARCH        ?= $(shell $(GO) env GOARCH)
ARCHES      ?= amd64 arm64 armv7 riscv64
# Whoever gives packages away puts their own name here.
MAINTAINER  ?= The acmezone authors <authors@acmezone.invalid>
BUILDAH     ?= buildah
# A number of inputs, not a time: with a time, go test -fuzz now and then fails with
# "context deadline exceeded" where nothing is wrong.
FUZZTIME    ?= 100000x
ROUNDS      ?= 20
UPDATES     ?= 10000
ATTACKS     ?= 5
COUNT       ?= 6

export CGO_ENABLED = 0

# What the scripts in packaging run. -trimpath, since the SBOM says which program made it.
PACKAGING    = GO='$(GO)' MAINTAINER='$(MAINTAINER)' NFPM='$(GO) run -trimpath $(NFPM)' \
	CYCLONEDX='$(GO) run -trimpath $(CYCLONEDX)'

.PHONY: help build man deb package-test image image-test release release-check demo test unit e2e crash stale attack ci fmt vet narrow staticcheck vulncheck fuzz bench soak clean

help:
	@sed -n 's/^# make /make /p' Makefile

build:
	$(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.committed=$(COMMITTED)' -o bin/acmezone ./cmd/acmezone

# The manual page and the shells' completions, for packages.
man: build
	mkdir -p dist/man dist/completions
	bin/acmezone man > dist/man/acmezone.1
	bin/acmezone completion bash > dist/completions/acmezone
	bin/acmezone completion zsh > dist/completions/_acmezone
	bin/acmezone completion fish > dist/completions/acmezone.fish

deb:
	@GO='$(GO)' packaging/build.sh host dist/build/host/acmezone
	@GO='$(GO)' packaging/build.sh $(ARCH) dist/build/$(ARCH)/acmezone
	@$(PACKAGING) packaging/deb.sh $(ARCH) dist/build/$(ARCH)/acmezone dist/build/host/acmezone dist

# As root, since it mounts and installs; nothing of this machine is changed.
package-test: need-adduser need-lintian need-shellcheck need-logrotate need-setpriv need-curl need-dig need-systemd-analyze need-ss
	@$(PACKAGING) packaging/test/run.sh

image: need-buildah
	@GO='$(GO)' packaging/build.sh $(ARCH) dist/build/$(ARCH)/acmezone
	@GO='$(GO)' BUILDAH='$(BUILDAH)' packaging/image.sh $(ARCH) dist/build/$(ARCH)/acmezone

# As root, in a storage of its own.
image-test: need-buildah need-podman need-crun need-curl need-dig
	@GO='$(GO)' packaging/test/image.sh

release:
	@$(PACKAGING) packaging/release.sh $(ARCHES)

release-check:
	@$(PACKAGING) packaging/release-check.sh $(ARCHES)

demo: build need-curl need-dig
	@./examples/demo.sh bin/acmezone

# What starts the program again and again, or moves many rows, spends its time in
# SQLite, which the race detector slows down tenfold: it runs without. So do thousands
# of connections, of questions a second, and what is measured.
WITHOUTRACE := TestTwoTenants|TestDiskErrors|TestKillLosesNothing|TestKillDuring|TestInterruptedImport|TestRunningServiceTakesNoMore|TestReadmeLines|TestSlowConnections|TestAttack|TestFloodLeaves

# The race detector needs a C compiler.
test: need-gcc need-git need-patch need-strace need-sqlite3 need-postgres need-unbound need-nsd need-dig need-curl need-certbot need-dehydrated need-systemd-analyze need-ss need-zsh need-fish need-mandoc need-nginx
	CGO_ENABLED=1 $(GO) test -race -timeout 40m -skip '$(WITHOUTRACE)' ./...
	$(GO) test -timeout 40m -run '$(WITHOUTRACE)' ./cmd/acmezone ./internal/api ./internal/dnsserve
	cd e2e && $(GO) test -timeout 40m -count=1 ./...

unit:
	$(GO) test ./...

e2e: need-unbound need-nsd need-dig need-curl need-certbot need-dehydrated
	cd e2e && $(GO) test -timeout 40m -count=1 -v ./...

# More rounds than make test has: make crash ROUNDS=500
crash: need-strace need-sqlite3
	ACMEZONE_CRASH_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 2h -run 'TestKill' -v ./cmd/acmezone

# Beside NSD, with everything busy: no old answer after a 200. Takes most of an hour.
stale: need-nsd
	ACMEZONE_STALE_UPDATES=$(UPDATES) $(GO) test -count=1 -timeout 4h -run 'TestNoStale' -v ./internal/nsdctl
	cd e2e && ACMEZONE_STALE_UPDATES=$(UPDATES) $(GO) test -count=1 -timeout 4h -run 'TestNoStale' -v .

# Slow connections and floods, and what others notice of them.
attack:
	ACMEZONE_ATTACK_ROUNDS=$(ATTACKS) $(GO) test -count=1 -timeout 1h -run 'TestAttack' -v ./cmd/acmezone

ci: fmt vet narrow staticcheck vulncheck test package-test fuzz

fmt:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "gofmt -w $$unformatted"; exit 1; }

vet:
	$(GO) vet ./...
	cd e2e && $(GO) vet ./...

# A release is also for machines of 32 bits, where the kernel's structures have other types.
narrow:
	CGO_ENABLED=0 GOARCH=arm GOARM=7 $(GO) build -o /dev/null ./cmd/acmezone

staticcheck:
	$(GO) run $(STATICCHECK) ./...
	cd e2e && $(GO) run $(STATICCHECK) ./...

# The database of vulnerabilities isn't to be had everywhere; what it says counts
# where it is.
vulncheck:
	@if curl -fsS -m 10 -o /dev/null https://vuln.go.dev/index/db.json 2>/dev/null; \
	then $(GO) run $(GOVULNCHECK) ./...; \
	else echo "govulncheck not run: its database can't be reached from here"; fi

# A target says itself if it is to get fewer inputs: "fuzztime 5000x" in its comment.
fuzz:
	@for target in $$(grep -rhoE 'func (Fuzz[A-Za-z0-9]+)' --include='*_test.go' internal cmd | sed 's/func //' | sort -u); do \
		file=$$(grep -rlE "func $$target\(" --include='*_test.go' internal cmd | head -n 1); \
		times=$$(grep -B 3 "^func $$target(" $$file | grep -oE 'fuzztime [0-9]+x' | cut -d ' ' -f 2); \
		echo "$$target in $$file"; \
		$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $${times:-$(FUZZTIME)} ./$$(dirname $$file) || exit 1; \
	done

bench:
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) -timeout 2h ./...

clean:
	rm -rf bin dist

# need-PROGRAM installs what is missing where apt is, and says what to type elsewhere.
apt-curl     := curl
apt-dig      := bind9-dnsutils
apt-gcc      := gcc libc6-dev
apt-git      := git
apt-patch    := patch
apt-strace   := strace
apt-sqlite3  := sqlite3
apt-postgres := postgresql
apt-unbound  := unbound
apt-nsd      := nsd
apt-certbot  := certbot
apt-dehydrated := dehydrated
apt-systemd-analyze := systemd
apt-ss       := iproute2
apt-zsh      := zsh
apt-fish     := fish
apt-mandoc   := mandoc
apt-adduser  := adduser
apt-lintian  := lintian
apt-shellcheck := shellcheck
apt-logrotate := logrotate
apt-setpriv  := util-linux
apt-buildah  := buildah
apt-podman   := podman
apt-crun     := crun
apt-nginx    := nginx-light libnginx-mod-stream

# Debian keeps PostgreSQL's server off the path.
need-%:
	@PATH="$$PATH:/usr/sbin:/sbin:$$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"; command -v $* >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
		then DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(apt-$*) || \
			{ apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(apt-$*); }; \
		else echo "$* is missing: install it first, on Debian with 'sudo apt-get install $(apt-$*)'"; exit 1; fi; }
