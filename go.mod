module trimtab

go 1.26.0

require golang.org/x/text v0.43.0

require github.com/google/go-cmp v0.7.0

require golang.org/x/sys v0.49.0

require github.com/nlpodyssey/gopickle v0.2.0

require github.com/rivo/uniseg v0.4.7

require (
	github.com/dlclark/regexp2 v1.11.5
	github.com/goccy/go-yaml v1.19.2
)

require (
	github.com/rogpeppe/go-internal v1.16.0
	github.com/spf13/cobra v1.10.2
)

require (
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	golang.org/x/tools v0.51.0 // indirect
)
