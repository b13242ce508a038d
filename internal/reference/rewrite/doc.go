// Command rewrite opens a delta, trains it on one batch and saves it, for interop_all.py:
// what it leaves is a folder that Trimtab alone has written.
//
//	rewrite BASE DELTA INPUT STEPS OUT
package main
