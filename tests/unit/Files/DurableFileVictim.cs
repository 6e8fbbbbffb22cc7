using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

/// <summary>The process that <see cref="DurableFileFaultTests"/> runs under strace: one write, and its outcome in a file beside it.</summary>
public sealed class DurableFileVictim
{
    internal const string DirectoryVariable = "QWAMOS_TEST_VICTIM_DIR";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    [Fact(Explicit = true)]
    public void Replaces_one_file() =>
        Write(dir => DurableFile.Replace(Path.Combine(dir, "state", "file"), "new"u8, Private));

    [Fact(Explicit = true)]
    public void Makes_one_file() =>
        Write(dir => DurableFile.CreateNew(Path.Combine(dir, "state", "made"), "new"u8, Private));

    private static void Write(Action<string> write)
    {
        var dir = Environment.GetEnvironmentVariable(DirectoryVariable) ?? throw new InvalidOperationException(DirectoryVariable + " is not set");
        var outcome = "done";
        try
        {
            write(dir);
        }
        catch (PosixException fault)
        {
            outcome = $"{fault.Call} {fault.Errno}";
        }
        File.WriteAllText(Path.Combine(dir, "outcome"), outcome);
    }
}
