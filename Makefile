# The two commands of a person with a fresh clone. Everything else is `cargo xtask help`.
#
#   make run                                  starts Marrowscope at http://127.0.0.1:3000
#   make run ARGS='--listen 127.0.0.1:3001'   with settings of the server's
#   make test                                 what CI runs
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: run test
run:
	@scripts/bootstrap.sh run
	@cargo xtask run -- $(ARGS)

test:
	@scripts/bootstrap.sh test
	@cargo xtask test
