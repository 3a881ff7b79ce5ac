module go-sessions

go 1.19
