// Package builtin holds what is part of the program itself: a small base, a masked
// language model whose making docs/builtin.md records, and the data of the demo.
//
// It promises the files as they lie in the repository, and nothing else: it opens no
// model, makes no rows and writes no file. A build from a tree without the base's
// weights has the data all the same; [Base] then says what is missing.
package builtin
