using Qwamos.ControlBus.Files;
using Xunit;

namespace Qwamos.ControlBus.Tests.Files;

/// <summary>The process that <see cref="DurableFileFaultTests"/> runs under strace: one write, and its outcome in a file beside it.</summary>
public sealed class DurableFileVictim
{
    internal const string DirectoryVariable = "QWAMOS_TEST_VICTIM_DIR";

    [Fact(Explicit = true)]
    public void Replaces_one_file()
    {
        var dir = Environment.GetEnvironmentVariable(DirectoryVariable) ?? throw new InvalidOperationException(DirectoryVariable + " is not set");
        var outcome = "done";
        try
        {
            DurableFile.Replace(Path.Combine(dir, "state", "file"), "new"u8, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (PosixException fault)
        {
            outcome = $"{fault.Call} {fault.Errno}";
        }
        File.WriteAllText(Path.Combine(dir, "outcome"), outcome);
    }
}
