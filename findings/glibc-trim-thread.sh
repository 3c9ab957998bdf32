#!/bin/sh
# malloc_trim(0) gives back what the main thread has freed, and nothing of what another thread has.
#
# Guess: malloc_trim(0) returns all free memory to the system: its manual page says that since glibc 2.8 it does so for
#        every arena, for whole pages that are free.
# Seen:  24 MB that a thread has allocated, written and freed stay resident after the thread has ended, and malloc_trim
#        says that there was nothing to release. The free end of an arena's heap is trimmed in the main arena alone, and
#        here it is the whole block; a free block of 30 MB before has raised the limit from which blocks are mapped
#        by themselves. With one arena for all threads (MALLOC_ARENA_MAX=1) everything goes back. So a peak of resident
#        memory tells of threads that ended long ago, and trimming between two measurements is no clean start.
# With:  glibc 2.36 (2.36-9+deb12u14, Debian 12), gcc 12.2.0, 2026-12-01.

. "$(dirname "$0")/common.sh"
need gcc ldd
case "$(ldd --version 2>&1 | head -n 1)" in
*GLIBC*2.36* | *"GNU libc"*2.36*) ;;
*) not_applicable "the C library is not glibc 2.36" ;;
esac

cat >trim.c <<'END'
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tell(const char *when)
{
    long all, pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%ld %ld", &all, &pages) != 2)
        exit(1);
    fclose(file);
    printf("%s: %ld MB\n", when, pages * sysconf(_SC_PAGESIZE) >> 20);
}

static void *use(void *nothing)
{
    char *volatile block = malloc(24 << 20);
    memset(block, 1, 24 << 20);
    free(block);
    return nothing;
}

int main(void)
{
    void *volatile large = malloc(30 << 20);
    free(large);
    use(0);
    tell("the main thread has freed 24 MB");
    malloc_trim(0);
    tell("trimmed");
    pthread_t thread;
    pthread_create(&thread, 0, use, 0);
    pthread_join(thread, 0);
    tell("another thread has freed 24 MB and ended");
    int released = malloc_trim(0);
    tell(released ? "trimmed" : "trimmed, nothing to release");
}
END
gcc -O0 trim.c -o trim -lpthread || not_applicable "gcc builds no threads"
echo "arenas as usual"
./trim | tee usual
echo "one arena"
MALLOC_ARENA_MAX=1 ./trim | tee one
left() { sed -n 's/^trimmed.*: \([0-9]*\) MB/\1/p' "$1" | tr '\n' ' '; }
set -- $(left usual) $(left one)
[ "$1" -lt 10 ] && [ "$2" -ge 24 ] && [ "$3" -lt 10 ] && [ "$4" -lt 10 ] ||
    changed "of 24 MB the main thread kept under 10, another one all; with one arena both under 10"
grep -q "nothing to release" usual || changed "malloc_trim said that there was nothing to release"
