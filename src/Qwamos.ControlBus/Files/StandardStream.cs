using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Files;

/// <summary>
/// Standard input, output or error, written by write(2). The framework's console stream starts a thread and takes over signals, which costs a
/// quarter of a command's time; its file stream writes at an offset of its own, so that two programs with one output overwrite each other.
/// </summary>
public sealed partial class StandardStream : Stream
{
    private const int ReaderIsGone = 32;
    private const short Writable = 4;

    private readonly int number;

    private StandardStream(int number) => this.number = number;

    /// <summary>Only to be asked what it is.</summary>
    public static StandardStream Input { get; } = new(0);

    public static StandardStream Output { get; } = new(1);

    public static StandardStream Error { get; } = new(2);

    public bool IsTerminal => IsTty(number) == 1;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Writes everything; a pipe whose reader has seen enough is no error.</summary>
    /// <exception cref="IOException">The disk is full, or failed.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var written = WriteTo(number, buffer, (nuint)buffer.Length);
            if (written > 0)
                buffer = buffer[(int)written..];
            else if (!MayGoOn(Marshal.GetLastPInvokeError()))
                return;
        }
    }

    private bool MayGoOn(int errno)
    {
        // Who made it not wait left it so for us.
        if (errno == PosixException.EAGAIN)
        {
            PollFd ready = new() { Descriptor = number, Events = Writable };
            _ = Poll(ref ready, 1, -1);
        }
        else if (errno == ReaderIsGone)
            return false;
        else if (errno != PosixException.EINTR)
            throw new IOException(Marshal.GetPInvokeErrorMessage(errno));
        return true;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        // Nothing is held back.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint WriteTo(int descriptor, ReadOnlySpan<byte> bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollFd descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsTty(int descriptor);

    /// <summary>struct pollfd, 8 bytes; what is found is in the last two.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 8)]
    private struct PollFd
    {
        internal int Descriptor;
        internal short Events;
    }
}
