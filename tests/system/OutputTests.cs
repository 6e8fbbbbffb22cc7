using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>What the published client prints arrives whole, whoever reads it.</summary>
public sealed class OutputTests : IDisposable
{
    // A pipe that does not wait, and is full when the client writes.
    private const string SlowReader = """
        import fcntl, os, subprocess, sys, time
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        os.write(writing, bytes(4096))
        os.set_blocking(writing, False)
        client = subprocess.Popen(sys.argv[1:], stdout=writing)
        os.close(writing)
        time.sleep(0.3)
        with open(reading, 'rb') as file:
            sys.stdout.buffer.write(file.read()[4096:])
        sys.exit(client.wait())
        """;

    private readonly Trial _trial = new(enrolled: false);

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Output_IntoAFullPipeThatDoesNotWait_ArrivesWhole()
    {
        string[] asked = [Binaries.Client, "--root", _trial.Root, "keys", "-o", "json"];
        string whole = Command.Run(asked).Output;
        Assert.NotEmpty(whole);
        CommandResult slow = Command.Run(["python3", "-c", SlowReader, .. asked]);
        Assert.True(slow.ExitCode == 0, slow.Error);
        Assert.Equal(whole, slow.Output);
    }
}
