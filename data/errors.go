package data

import "errors"

// Errors that a caller may tell apart.
var (
	ErrFormat   = errors.New("unknown data format")
	ErrEmpty    = errors.New("empty data set")
	ErrRow      = errors.New("malformed row")
	ErrUTF8     = errors.New("invalid UTF-8")
	ErrField    = errors.New("missing field")
	ErrLabel    = errors.New("unknown label")
	ErrSample   = errors.New("impossible sample")
	ErrBatch    = errors.New("impossible batch")
	ErrTooLarge = errors.New("data is too large")
)
