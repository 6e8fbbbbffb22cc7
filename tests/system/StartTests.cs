using System.Text.RegularExpressions;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>What runs before the runtime of the published programs (src/native), by the kernel's account of its calls.</summary>
public sealed partial class StartTests : IDisposable
{
    private readonly Trial _trial = new(enrolled: false);

    public void Dispose() => _trial.Dispose();

    public static TheoryData<string> Programs => [Binaries.Client, Binaries.Daemon, Binaries.Gateway];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Start_PutsAHugePageInPlace(string program) => Assert.Single(Moved().Matches(Calls(program, [])));

    [Theory]
    [MemberData(nameof(Programs))]
    public void Start_GoesOn_WhereTheMoveIsRefused(string program) => Assert.Empty(Moved().Matches(Calls(program, ["-e", "inject=mremap:error=EPERM"])));

    private string Calls(string program, string[] injection)
    {
        Needs.FaultInjection();
        string calls = _trial.At("/calls");
        CommandResult result = Command.Run(["strace", "-qq", "-o", calls, "-e", "trace=mremap", .. injection, program, "--version"]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Matches(@"^\d+\.\d+\.\d+", result.Output);
        return File.ReadAllText(calls);
    }

    [GeneratedRegex(@"MREMAP_FIXED, (0x[0-9a-f]+)\) += \1$", RegexOptions.Multiline)]
    private static partial Regex Moved();
}
