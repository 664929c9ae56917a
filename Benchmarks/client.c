// The benchmark's own MariaDB client, for what sysbench does not measure. One JSON object per run on stdout.
//
//   client ping  PORT USER PASSWORD SECONDS            until a statement is answered, or the time is up
//   client bulk  PORT USER PASSWORD TIMES QUERY        reads a result set TIMES times and discards the rows
//   client churn PORT USER PASSWORD CLIENTS SECONDS    connect, SELECT 1, close, in CLIENTS threads
//   client idle  PORT USER PASSWORD SESSIONS           opens the sessions, says so, keeps them until stdin ends
//
// All go to 127.0.0.1. Exit 0: measured; 1: it failed, the reason on stderr; 64: wrong arguments.
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static unsigned short port;
static const char *user, *password;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// NULL only without memory. A session that did not connect carries the reason: see mysql_errno.
static MYSQL *open_session(unsigned timeout) {
    MYSQL *session = mysql_init(NULL);
    if (!session) return NULL;
    mysql_options(session, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    mysql_options(session, MYSQL_OPT_READ_TIMEOUT, &timeout);
    mysql_options(session, MYSQL_OPT_WRITE_TIMEOUT, &timeout);
    mysql_real_connect(session, "127.0.0.1", user, password, NULL, port, NULL, 0);
    return session;
}

// 0, or the error number; for a session that did not connect, that of the connect.
static unsigned ask_one(MYSQL *session) {
    if (mysql_errno(session)) return mysql_errno(session);
    if (mysql_query(session, "SELECT 1")) return mysql_errno(session);
    MYSQL_RES *result = mysql_store_result(session);
    if (!result) return mysql_errno(session) ? mysql_errno(session) : 1;
    mysql_free_result(result);
    return 0;
}

static int ping(double seconds) {
    double deadline = now() + seconds;
    char reason[512] = "no try was made";
    while (now() < deadline) {
        double left = deadline - now();
        MYSQL *session = open_session(left < 1 ? 1 : (unsigned)left + 1);
        if (!session) return 1;
        unsigned failed = ask_one(session);
        if (failed) snprintf(reason, sizeof reason, "%u %s", failed, mysql_error(session));
        mysql_close(session);
        if (!failed) {
            printf("{\"answered\": true}\n");
            return 0;
        }
        usleep(20000);  // a port that does not listen yet has nothing to wait for
    }
    fprintf(stderr, "no answer in %.0f s: %s\n", seconds, reason);
    return 1;
}

static int bulk(int times, const char *query) {
    MYSQL *session = open_session(60);
    if (!session || ask_one(session)) {
        fprintf(stderr, "connect: %s\n", session ? mysql_error(session) : "out of memory");
        return 1;
    }
    unsigned long long bytes = 0, rows = 0;
    double began = now();
    for (int i = 0; i < times; i++) {
        if (mysql_query(session, query)) {
            fprintf(stderr, "query: %s\n", mysql_error(session));
            return 1;
        }
        MYSQL_RES *result = mysql_use_result(session);
        if (!result) {
            fprintf(stderr, "result: %s\n", mysql_error(session));
            return 1;
        }
        unsigned columns = mysql_num_fields(result);
        while (mysql_fetch_row(result)) {
            unsigned long *lengths = mysql_fetch_lengths(result);
            for (unsigned c = 0; c < columns; c++) bytes += lengths[c];
            rows++;
        }
        if (mysql_errno(session)) {
            fprintf(stderr, "rows: %s\n", mysql_error(session));
            return 1;
        }
        mysql_free_result(result);
    }
    printf("{\"bytes\": %llu, \"rows\": %llu, \"seconds\": %.6f}\n", bytes, rows, now() - began);
    mysql_close(session);
    return 0;
}

struct churner {
    pthread_t thread;
    double deadline;
    double *latencies;  // seconds, one per connection that was answered
    size_t count, capacity, errors;
    char reason[256];
};

enum { ERRORS_MAX = 100 };

static void *churn_loop(void *argument) {
    struct churner *me = argument;
    mysql_thread_init();
    while (now() < me->deadline && me->errors < ERRORS_MAX) {
        double began = now();
        MYSQL *session = open_session(20);
        if (!session) break;
        unsigned failed = ask_one(session);
        if (failed) {
            me->errors++;
            snprintf(me->reason, sizeof me->reason, "%u %s", failed, mysql_error(session));
        }
        mysql_close(session);
        if (failed) continue;
        if (me->count == me->capacity) {
            size_t larger = me->capacity ? me->capacity * 2 : 4096;
            double *moved = realloc(me->latencies, larger * sizeof *moved);
            if (!moved) break;
            me->latencies = moved;
            me->capacity = larger;
        }
        me->latencies[me->count++] = now() - began;
    }
    mysql_thread_end();
    return NULL;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, size_t count, double q) {
    if (!count) return 0;
    size_t rank = (size_t)(q * (double)count);
    return sorted[rank < count ? rank : count - 1];
}

static int churn(int clients, double seconds) {
    struct churner *all = calloc((size_t)clients, sizeof *all);
    if (!all) return 1;
    double began = now();
    for (int i = 0; i < clients; i++) {
        all[i].deadline = began + seconds;
        if (pthread_create(&all[i].thread, NULL, churn_loop, &all[i])) {
            fprintf(stderr, "pthread_create failed\n");
            return 1;
        }
    }
    size_t count = 0, errors = 0;
    const char *reason = "";
    for (int i = 0; i < clients; i++) {
        pthread_join(all[i].thread, NULL);
        count += all[i].count;
        errors += all[i].errors;
        if (all[i].errors) reason = all[i].reason;
    }
    double took = now() - began;
    double *merged = malloc((count + 1) * sizeof *merged);
    if (!merged) return 1;
    size_t at = 0;
    for (int i = 0; i < clients; i++) {
        memcpy(merged + at, all[i].latencies, all[i].count * sizeof *merged);
        at += all[i].count;
    }
    qsort(merged, count, sizeof *merged, ascending);
    if (errors) fprintf(stderr, "%zu connections failed, the last: %s\n", errors, reason);
    printf("{\"connections\": %zu, \"errors\": %zu, \"seconds\": %.6f, \"p50\": %.6f, \"p95\": %.6f, \"p99\": %.6f}\n",
           count, errors, took, quantile(merged, count, 0.50), quantile(merged, count, 0.95),
           quantile(merged, count, 0.99));
    return 0;
}

static int idle(int sessions) {
    MYSQL **all = calloc((size_t)sessions, sizeof *all);
    if (!all) return 1;
    for (int i = 0; i < sessions; i++) {
        all[i] = open_session(30);
        unsigned failed = all[i] ? ask_one(all[i]) : 1;
        if (failed) {
            fprintf(stderr, "session %d: %u %s\n", i + 1, failed, all[i] ? mysql_error(all[i]) : "out of memory");
            return 1;
        }
    }
    printf("{\"sessions\": %d}\n", sessions);
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    for (int i = 0; i < sessions; i++) mysql_close(all[i]);
    return 0;
}

int main(int argc, char **argv) {
    if (argc >= 6) {
        int number = atoi(argv[2]), amount = atoi(argv[5]);
        port = (unsigned short)number;
        user = argv[3];
        password = argv[4];
        if (number > 0 && number < 65536 && amount > 0 && mysql_library_init(0, NULL, NULL) == 0) {
            if (!strcmp(argv[1], "ping") && argc == 6) return ping(amount);
            if (!strcmp(argv[1], "bulk") && argc == 7) return bulk(amount, argv[6]);
            if (!strcmp(argv[1], "churn") && argc == 7 && atoi(argv[6]) > 0) return churn(amount, atoi(argv[6]));
            if (!strcmp(argv[1], "idle") && argc == 6) return idle(amount);
        }
    }
    fprintf(stderr, "usage: client ping|bulk|churn|idle PORT USER PASSWORD NUMBER [QUERY|SECONDS]\n");
    return 64;
}
