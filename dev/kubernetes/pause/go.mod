module kanto.test/lab/pause

go 1.24
