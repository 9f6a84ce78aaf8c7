/*
 * The one function of bcryptprimitives.dll that Rust's standard library imports, for Wine releases without
 * that DLL.
 *
 * Part of the test rig only: Windows has the real one, and nothing that we ship contains this file.
 */
#include <windows.h>
#include <ntsecapi.h>

/* Fills `data` with `size` random bytes; RtlGenRandom counts in 32 bits, the caller in 64. */
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
    const SIZE_T most = 1u << 30;
    while (size > 0) {
        ULONG slice = (ULONG)(size < most ? size : most);
        if (!RtlGenRandom(data, slice))
            return FALSE;
        data += slice;
        size -= slice;
    }
    return TRUE;
}
