# The two commands that matter: make run, make test.

export CGO_ENABLED := 0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo development)

.PHONY: run build test proof test-fuzz screenshots bench release fmt

run: build ## build and run the server with its embedded default
	bin/exeunt serve

build: ## make bin/exeunt
	go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/exeunt ./cmd/exeunt

test: ## check everything; installs and starts what that needs
	scripts/test

proof: build ## a million operations and more than 200 faults, and the judgement; ARGS="-seed 7 three" for another run
	scripts/proof $(ARGS)

test-fuzz: ## look for surprising input with every fuzz target, a minute each; SECONDS=… for another time, TOTAL=… for so many seconds in all
	scripts/fuzz $(if $(TOTAL),total $(TOTAL),$(or $(SECONDS),60)s)

screenshots: build ## pictures of every built-in page, for a phone and a desktop, light and dark, in screenshots/
	scripts/screenshots screenshots

bench: build ## measure session checks and logout beside their floors
	scripts/bench

release: ## static binaries for Linux and macOS in dist/, with what they are made of and checksums; VERSION=v1.2.3
	scripts/release $(VERSION)

fmt:
	gofmt -w $$(git ls-files '*.go')
