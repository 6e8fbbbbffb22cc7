using System.Runtime.InteropServices;

namespace Qwamos.Client.Showing;

/// <summary>
/// A file descriptor that is written by write(2). The framework's console stream starts a thread and takes over signals, which costs a
/// quarter of a command's time; its file stream writes at an offset of its own, so that two programs with one output overwrite each other.
/// </summary>
internal sealed partial class Descriptor(int number) : Stream
{
    private const int Interrupted = 4;
    private const int ReaderIsGone = 32;

    /// <summary>Only to be asked what it is.</summary>
    public static Descriptor Input { get; } = new(0);

    public static Descriptor Output { get; } = new(1);

    public static Descriptor Error { get; } = new(2);

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
            else if (Marshal.GetLastPInvokeError() == ReaderIsGone)
                return;
            else if (Marshal.GetLastPInvokeError() != Interrupted)
                throw new IOException(Marshal.GetLastPInvokeErrorMessage());
        }
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

    [LibraryImport("libc", EntryPoint = "isatty")]
    private static partial int IsTty(int descriptor);
}
