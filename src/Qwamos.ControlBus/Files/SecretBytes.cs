using System.Security.Cryptography;

namespace Qwamos.ControlBus.Files;

/// <summary>
/// Room for a secret: pages of its own, which the collector never moves or copies. They are kept out of swap where the user may lock memory (a few KiB
/// always), out of core dumps and out of child processes, and are wiped when disposed. The secret grows from the front: see <see cref="Length"/>.
/// </summary>
public sealed unsafe class SecretBytes : IDisposable
{
    private readonly int _capacity;
    private byte* _start;
    private int _length;

    /// <param name="capacity">Bytes.</param>
    /// <exception cref="PosixException">There is no memory.</exception>
    public SecretBytes(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        _capacity = capacity;
        var pages = Libc.Mmap(0, (nuint)capacity, Libc.PROT_READ | Libc.PROT_WRITE, Libc.MAP_PRIVATE | Libc.MAP_ANONYMOUS, -1, 0);
        if (pages == -1)
            throw Posix.Fault("mmap", "memory for a secret");
        _start = (byte*)pages;
        // What the kernel cannot do of these it leaves out: the secret is then where any program's memory is.
        _ = Libc.Mlock(_start, (nuint)capacity);
        _ = Libc.Madvise(_start, (nuint)capacity, Libc.MADV_DONTDUMP);
        _ = Libc.Madvise(_start, (nuint)capacity, Libc.MADV_WIPEONFORK);
    }

    /// <summary>All of the room.</summary>
    public Span<byte> Room => new(_start == null ? throw new ObjectDisposedException(nameof(SecretBytes)) : _start, _capacity);

    /// <summary>How much of the room is the secret.</summary>
    public int Length
    {
        get => _length;
        set => _length = value >= 0 && value <= _capacity ? value : throw new ArgumentOutOfRangeException(nameof(value));
    }

    /// <summary>The secret.</summary>
    public ReadOnlySpan<byte> Bytes => Room[.._length];

    public void Dispose()
    {
        if (_start == null)
            return;
        CryptographicOperations.ZeroMemory(Room);
        _ = Libc.Munmap(_start, (nuint)_capacity);
        _start = null;
        _length = 0;
    }
}
