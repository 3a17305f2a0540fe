# Each target is a script in scripts/, which says what it does.
.PHONY: help setup demo test test-fresh test-faults test-apps check bench app pictures images fmt clean-test
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14
setup: ## installs what is missing to build and test
	@scripts/setup
demo: ## deploys the sample project to a throw-away server on this machine
	@scripts/demo
test: ## everything that can be tested, on a real server
	@scripts/test
test-fresh: ## make demo and make test in a bare Debian, as a newcomer has them
	@scripts/fresh
test-faults: ## the cutover killed, its power cut and its calls to Docker failing at every point, in every lane
	@SLIPWAY_FAULTS=all scripts/test --test cutover --test cutover_faults
test-apps: ## every application of the images of 19.0 and 14.0, against what Odoo makes of them by itself
	@scripts/test --test applications -- --ignored
check: ## format, lints, unit tests, the screens, dependencies
	@scripts/check
bench: ## measures what the README promises
	@scripts/bench
app: ## builds and opens the desktop app
	@scripts/app
pictures: ## of every screen, light and dark, into target/pictures
	@scripts/pictures
images: ## the container images of the tests
	@scripts/images
fmt: ## formats the code
	@cargo fmt --all
clean-test: ## takes away what killed tests left
	@scripts/clean-test
