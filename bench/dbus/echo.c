/*
 * A yardstick: method calls over D-Bus, by sd-bus, the library of busctl.
 *
 *   dbus-echo serve            owns org.qwamos.Echo and answers its calls with the string they carry
 *   dbus-echo call N BYTES     calls it N times over one connection, one at a time, and prints one line of JSON
 *
 * The bus is that of DBUS_SESSION_BUS_ADDRESS. Nothing is verified and nothing is stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-bus.h>
#include <time.h>

static const char *const name = "org.qwamos.Echo", *const path = "/org/qwamos/Echo";

static int fail(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, strerror(-error));
    return 1;
}

static int echo(sd_bus_message *call, void *unused, sd_bus_error *error)
{
    const char *text;
    int r = sd_bus_message_read(call, "s", &text);
    (void)unused;
    (void)error;
    return r < 0 ? r : sd_bus_reply_method_return(call, "s", text);
}

static const sd_bus_vtable methods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Echo", "s", "s", echo, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

static int serve(sd_bus *bus)
{
    int r = sd_bus_add_object_vtable(bus, NULL, path, name, methods, NULL);
    if (r >= 0)
        r = sd_bus_request_name(bus, name, 0);
    if (r < 0)
        return fail("the service", r);
    puts("ready");
    fflush(stdout);
    for (;;) {
        r = sd_bus_process(bus, NULL);
        if (r == 0)
            r = sd_bus_wait(bus, UINT64_MAX);
        if (r < 0)
            return fail("serving", r);
    }
}

static double now_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int call(sd_bus *bus, int count, int bytes)
{
    double *took = calloc(count, sizeof *took), begin, cpu;
    char *text = malloc(bytes + 1);
    if (took == NULL || text == NULL || count < 1)
        return fail("memory", -12);
    memset(text, 'x', bytes);
    text[bytes] = 0;
    begin = now_us(CLOCK_MONOTONIC);
    cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < count; i++) {
        sd_bus_message *answer = NULL;
        double start = now_us(CLOCK_MONOTONIC);
        int r = sd_bus_call_method(bus, name, path, name, "Echo", NULL, &answer, "s", text);
        if (r < 0)
            return fail("the call", r);
        sd_bus_message_unref(answer);
        took[i] = now_us(CLOCK_MONOTONIC) - start;
    }
    begin = now_us(CLOCK_MONOTONIC) - begin;
    cpu = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    qsort(took, count, sizeof *took, ascending);
    printf("{\"accepted\":%d,\"seconds\":%.4f,\"per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f,\"client_cpu_us\":%.3f}\n",
           count, begin / 1e6, count / (begin / 1e6), took[(int)(0.5 * (count - 1))], took[(int)(0.99 * (count - 1))], took[count - 1], cpu / count);
    return 0;
}

int main(int argc, char **argv)
{
    sd_bus *bus = NULL;
    int r = sd_bus_open_user(&bus);
    if (r < 0)
        return fail("the bus", r);
    if (argc == 2 && strcmp(argv[1], "serve") == 0)
        return serve(bus);
    if (argc == 4 && strcmp(argv[1], "call") == 0)
        return call(bus, atoi(argv[2]), atoi(argv[3]));
    fprintf(stderr, "usage: dbus-echo serve | dbus-echo call N BYTES\n");
    return 1;
}
