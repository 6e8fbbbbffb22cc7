using Qwamos.Client.Showing;

namespace Qwamos.Client;

/// <summary>Reads a file that the user names, or standard input for <c>-</c>; bounded, whatever it turns out to be.</summary>
internal static class InputFile
{
    /// <summary>How a sentence names it.</summary>
    public static string NameOf(string name) => name == "-" ? "standard input" : name;

    public static bool TryRead(Terminal terminal, string name, int maxBytes, out byte[] content, out Failure failure)
    {
        content = [];
        failure = null!;
        try
        {
            using var stream = name == "-" ? terminal.OpenInput() : new FileStream(name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 0);
            var buffer = new byte[maxBytes + 1];
            var length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            content = buffer[..Math.Min(length, maxBytes)];
            if (length <= maxBytes)
                return true;
            failure = new Failure(ExitCode.Refused, $"{NameOf(name)} is longer than {maxBytes} bytes");
            return false;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            var isExport = Directory.Exists(name) && File.Exists(Path.Combine(name, "checkpoint"));
            failure = new Failure(ExitCode.Refused, $"{NameOf(name)} cannot be read: {Why(fault, name)}", isExport ? $"It looks like an export: its checkpoint is {name}/checkpoint, and qwamosctl audit verify {name} checks it" : null);
            return false;
        }
    }

    private static string Why(Exception fault, string name) => fault switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file",
        UnauthorizedAccessException when Directory.Exists(name) => "it is a directory",
        UnauthorizedAccessException => "permission denied",
        _ => fault.Message,
    };
}
