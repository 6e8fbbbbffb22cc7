using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Unlocking;

/// <summary>
/// The terminal that this process belongs to, <c>/dev/tty</c>, by the system calls themselves: what is typed goes from the kernel into memory that is
/// wiped, and nowhere else. Whatever ends the process while typing is hidden, the terminal shows it again.
/// </summary>
internal sealed partial class OperatorTerminal : IDisposable
{
    private const string Device = "/dev/tty";
    private const int O_RDWR = 2;
    private const int O_NOCTTY = 0x100;
    private const int O_CLOEXEC = 0x80000;
    private const int TCSANOW = 0;
    private const int TCSAFLUSH = 2;
    private const int TCIFLUSH = 0;

    // struct termios: four words of flags, of which the last has the local ones.
    private const int TermiosBytes = 60;
    private const int LocalFlags = 12;
    private const uint Echo = 0x8;
    private const uint EchoNewline = 0x40;

    private readonly SafeFileHandle device;

    private OperatorTerminal(SafeFileHandle device) => this.device = device;

    /// <summary>The descriptor, to wait for.</summary>
    public int Descriptor => (int)device.DangerousGetHandle();

    /// <summary>Whether this process may read what is typed: a job in the background may not, and would be stopped.</summary>
    public bool IsForeground => ForegroundGroup(device) == OwnGroup();

    /// <summary>Whether the terminal has been taken from this process: closed, or its connection lost.</summary>
    public bool IsGone => ForegroundGroup(device) < 0;

    /// <summary>
    /// Null when this process has no terminal, and where neither standard input nor standard error is one: that is a script's, which must not wait for
    /// whoever sits at the terminal that it came from.
    /// </summary>
    public static OperatorTerminal? TryOpen()
    {
        if (!StandardStream.Input.IsTerminal && !StandardStream.Error.IsTerminal)
            return null;
        var opened = Open(Device, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (!opened.IsInvalid)
            return new OperatorTerminal(opened);
        opened.Dispose();
        return null;
    }

    public void Dispose() => device.Dispose();

    /// <summary>Writes as far as it can: a terminal that is gone is seen when it is read.</summary>
    public void Write(string text)
    {
        ReadOnlySpan<byte> bytes = Encoding.UTF8.GetBytes(text);
        while (!bytes.IsEmpty)
        {
            var written = Write(device, bytes, (nuint)bytes.Length);
            if (written > 0)
                bytes = bytes[(int)written..];
            else if (Marshal.GetLastPInvokeError() != PosixException.EINTR)
                return;
        }
    }

    /// <summary>Reads until the end of the line, which is kept, or the room's; false when the terminal is gone or its end was typed.</summary>
    public bool TryReadLine(SecretBytes line)
    {
        line.Length = 0;
        while (!line.Bytes.Contains((byte)'\n'))
        {
            if (line.Length == line.Room.Length)
                return SkipLine(line);
            var read = Read(device, line.Room[line.Length..], (nuint)(line.Room.Length - line.Length));
            if (read > 0)
                line.Length += (int)read;
            else if (read == 0 || Marshal.GetLastPInvokeError() != PosixException.EINTR)
                return false;
        }
        return true;
    }

    /// <summary>Throws away what was typed and not read.</summary>
    public void ForgetTyped() => _ = Flush(device, TCIFLUSH);

    /// <summary>Asks, and hides what is typed until it is disposed of, or a signal ends or stops the process.</summary>
    public IDisposable HideTyping(string question) => new HiddenTyping(this, question);

    /// <summary>The rest of a line that was too long must not be taken for an answer to what is asked next.</summary>
    private bool SkipLine(SecretBytes line)
    {
        using SecretBytes rest = new(line.Room.Length);
        while (true)
        {
            var read = Read(device, rest.Room, (nuint)rest.Room.Length);
            if (read > 0 && rest.Room[(int)read - 1] == '\n')
                return true;
            if (read == 0 || (read < 0 && Marshal.GetLastPInvokeError() != PosixException.EINTR))
                return false;
        }
    }

    private sealed class HiddenTyping : IDisposable
    {
        private static readonly PosixSignal[] Ending = [PosixSignal.SIGINT, PosixSignal.SIGQUIT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGTSTP];

        private readonly OperatorTerminal terminal;
        private readonly string question;
        private readonly byte[] shown = new byte[TermiosBytes];
        private readonly bool known;
        private readonly List<PosixSignalRegistration> registrations = [];

        public HiddenTyping(OperatorTerminal terminal, string question)
        {
            this.terminal = terminal;
            this.question = question;
            known = GetAttributes(terminal.device, shown) == 0;
            foreach (var signal in Ending)
                registrations.Add(PosixSignalRegistration.Create(signal, _ => Show(TCSANOW)));
            registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGCONT, Continue));
            Hide(TCSAFLUSH);
        }

        public void Dispose()
        {
            foreach (var registration in registrations)
                registration.Dispose();
            Show(TCSANOW);
        }

        private void Continue(PosixSignalContext context)
        {
            // The process goes on in any case; what the runtime would do then is to show what is typed.
            context.Cancel = true;
            Hide(TCSANOW);
        }

        // From the background either would stop the process; whoever stopped it there had the terminal shown before.
        private void Show(int when)
        {
            if (known && terminal.IsForeground)
                _ = SetAttributes(terminal.device, when, shown);
        }

        private void Hide(int when)
        {
            if (!terminal.IsForeground)
                return;
            var hidden = (byte[])shown.Clone();
            var flags = MemoryMarshal.Cast<byte, uint>(hidden.AsSpan(LocalFlags, sizeof(uint)));
            flags[0] &= ~(Echo | EchoNewline);
            if (known)
                _ = SetAttributes(terminal.device, when, hidden);
            terminal.Write(question);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeFileHandle file, Span<byte> buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    private static partial int GetAttributes(SafeFileHandle terminal, Span<byte> attributes);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    private static partial int SetAttributes(SafeFileHandle terminal, int when, ReadOnlySpan<byte> attributes);

    [LibraryImport("libc", EntryPoint = "tcflush", SetLastError = true)]
    private static partial int Flush(SafeFileHandle terminal, int queue);

    [LibraryImport("libc", EntryPoint = "tcgetpgrp", SetLastError = true)]
    private static partial int ForegroundGroup(SafeFileHandle terminal);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    private static partial int OwnGroup();
}
