using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>./demo and ./test where something is missing and the user is not root: one sentence with the command to type, and exit 1.</summary>
public sealed class NewcomerTests : IDisposable
{
    private const UnixFileMode Everybody = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private static readonly string[] Tools = ["bash", "dirname", "id", "grep", "cut", "paste", "head", "mktemp", "rm", "apt-get"];

    private readonly string _tools = Directory.CreateTempSubdirectory("qw-").FullName;

    public NewcomerTests()
    {
        Needs.Tool("setpriv");
        Needs.Tool("apt-get");
        File.SetUnixFileMode(_tools, Everybody);
        foreach (string tool in Tools)
            File.CreateSymbolicLink(Path.Combine(_tools, tool), "/usr/bin/" + tool);
    }

    public void Dispose() => Directory.Delete(_tools, recursive: true);

    [Theory]
    [InlineData("demo")]
    [InlineData("test")]
    public void NoSdk_SaysTheCommandThatInstallsIt(string script)
    {
        CommandResult result = Run(script);
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith("The .NET 10 SDK is missing. Run this, then try again:  ", result.Error, StringComparison.Ordinal);
        Assert.Contains("--channel 10.0", result.Error, StringComparison.Ordinal);
        Assert.Equal("", result.Output);
    }

    [Fact]
    public void OlderSdk_IsNamedWithTheCommandThatInstallsTheRightOne()
    {
        Dotnet("case $1 in --list-sdks) echo '8.0.100 [/usr/share/dotnet/sdk]' ;; *) exit 145 ;; esac");
        CommandResult result = Run("demo");
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith("This needs the .NET 10 SDK; installed here: 8.0.100. Run this, then try again:  ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void SdkThatDoesNotRun_IsQuoted()
    {
        Dotnet("case $1 in --list-sdks) echo '10.0.100 [/usr/share/dotnet/sdk]' ;; *) echo 'cannot execute' >&2; exit 1 ;; esac");
        Assert.Equal("The .NET SDK does not work here: cannot execute\n", Run("demo").Error);
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("test")]
    public void NoPackages_SaysTheCommandThatInstallsThem(string script)
    {
        Dotnet("exit 0");
        CommandResult result = Run(script);
        Assert.Equal(1, result.ExitCode);
        Assert.Matches("^Missing packages\\. Run this as root, then try again:  apt-get update && apt-get install -y --no-install-recommends clang .*python3", result.Error);
        Assert.Equal("", result.Output);
    }

    [Fact]
    public void UnknownPartOfTheTests_NamesThoseThereAre() =>
        Assert.Equal("unknown part 'units': scripts, unit, interop or system\n", Run("test", "units").Error);

    private void Dotnet(string body)
    {
        string path = Path.Combine(_tools, "dotnet");
        File.WriteAllText(path, "#!/usr/bin/bash\n" + body + "\n");
        File.SetUnixFileMode(path, Everybody);
    }

    private CommandResult Run(string script, params string[] arguments)
    {
        string[] nobody = Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
        string[] command = [.. nobody, "/usr/bin/env", "PATH=" + _tools, "bash", Path.Combine(Binaries.Repository, script), .. arguments];
        return Command.Run(command);
    }
}
