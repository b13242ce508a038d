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
	github.com/vbauerster/mpb/v8 v8.16.2
)

require (
	github.com/VividCortex/ewma v1.2.0 // indirect
	github.com/acarl005/stripansi v0.0.0-20180116102854-5a71ef0e047d // indirect
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/mattn/go-runewidth v0.0.30 // indirect
	github.com/spf13/pflag v1.0.9 // indirect
	github.com/vbauerster/cupwriter v0.0.5 // indirect
	golang.org/x/tools v0.51.0 // indirect
)
