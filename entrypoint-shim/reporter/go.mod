module docker-chalk/reporter

go 1.24
