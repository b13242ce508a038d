module trimtab

go 1.26
