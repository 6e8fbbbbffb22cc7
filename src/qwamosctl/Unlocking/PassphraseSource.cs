using System.Diagnostics.CodeAnalysis;
using Microsoft.Win32.SafeHandles;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Client.Unlocking;

/// <summary>Where a script has the passphrase: a file, or a descriptor that it left open. It is the first line there, without its end.</summary>
internal sealed record PassphraseSource
{
    private const UnixFileMode OpenToOthers = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherRead | UnixFileMode.OtherWrite;
    private const int StandardOutput = 1;
    private const int StandardError = 2;

    private readonly string? file;
    private readonly int? descriptor;
    private readonly SecretBytes? held;

    private PassphraseSource(string? file, int? descriptor)
    {
        this.file = file;
        this.descriptor = descriptor;
    }

    private PassphraseSource(SecretBytes held) => this.held = held;

    /// <summary>One that was read or typed already, for a command that needs it more than once. Good until the caller disposes of it.</summary>
    public static PassphraseSource Held(SecretBytes passphrase) => new(passphrase);

    /// <summary>The file that was named; null where it is none.</summary>
    public string? File => file;

    /// <summary>How a sentence names it.</summary>
    public string Name => descriptor is { } number ? $"file descriptor {number}" : InputFile.NameOf(file!);

    /// <summary>From the two options; null when neither was given.</summary>
    public static bool TryRead(string? file, int? descriptor, out PassphraseSource? source, out Failure failure)
    {
        failure = null!;
        source = file is null && descriptor is null ? null : new PassphraseSource(file, descriptor);
        if (file is not null && descriptor is not null)
            failure = Failure.Usage("--passphrase-file and --passphrase-fd exclude each other");
        else if (descriptor is < 0 or StandardOutput or StandardError)
            failure = Failure.Usage($"--passphrase-fd takes the number of a descriptor that can be read, not {descriptor}");
        return failure is null;
    }

    /// <summary>Reads it, never into memory that is copied about; the caller disposes of it.</summary>
    public bool TryRead(Session session, [NotNullWhen(true)] out SecretBytes? passphrase, out Failure failure)
    {
        failure = null!;
        if (held is not null)
        {
            passphrase = new SecretBytes(held.Room.Length) { Length = held.Length };
            held.Bytes.CopyTo(passphrase.Room);
            return true;
        }
        // One more than there may be, for an end of line and to see that there is too much.
        SecretBytes room = new(Limits.MaxPassphraseBytes + 2);
        passphrase = null;
        try
        {
            using var stream = Open(session);
            int read;
            while (room.Length < room.Room.Length && !room.Bytes.Contains((byte)'\n') && (read = stream.Read(room.Room[room.Length..])) > 0)
                room.Length += read;
            passphrase = FirstLine(room, out var fault);
            if (fault is not null)
                failure = new Failure(ExitCode.KeyProblem, $"{Name}: {fault}");
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            failure = new Failure(ExitCode.KeyProblem, $"the passphrase cannot be read from {Name}: {fault.Message.TrimEnd('.')}", "Give the option of a file or descriptor that can be read");
        }
        finally
        {
            if (passphrase is null)
                room.Dispose();
        }
        return passphrase is not null;
    }

    /// <summary>Cuts the secret at its first line end; a fault when that leaves nothing or too much.</summary>
    internal static SecretBytes? FirstLine(SecretBytes room, out string? fault)
    {
        var end = room.Bytes.IndexOf((byte)'\n');
        var length = end < 0 ? room.Length : end;
        if (end > 0 && room.Bytes[end - 1] == '\r')
            length--;
        room.Length = length;
        fault = length == 0 ? "the passphrase is empty; give one that nobody guesses"
            : length > Limits.MaxPassphraseBytes ? $"the passphrase is longer than {Limits.MaxPassphraseBytes} bytes; give a shorter one"
            : room.Bytes.Contains((byte)0) ? "the passphrase holds a zero byte, which nobody can type; give a text"
            : null;
        return fault is null ? room : null;
    }

    private Stream Open(Session session)
    {
        if (descriptor is { } number)
            return new FileStream(new SafeFileHandle(number, ownsHandle: false), FileAccess.Read, 0);
        if (file == "-")
            return session.Terminal.OpenInput();
        if (Posix.TryStat(file!, followLinks: true, out var stat) && stat.Kind == FileKind.Regular && (stat.Mode & OpenToOthers) != 0)
            session.Terminal.Note($"Note: others can read the passphrase; mend it: chmod 600 {SafePath.Quote(file!)}");
        return new FileStream(file!, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0);
    }
}
