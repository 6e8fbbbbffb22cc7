using System.CommandLine;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Keys;
using Xunit;

namespace Qwamos.ControlBus.Tests.Running;

/// <summary>What the daemons' command lines say.</summary>
public sealed class DaemonCommandLineTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("qw-commands-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("restor FILE", "there is no command restor; did you mean restore?")]
    [InlineData("nonsense", "there is no command nonsense")]
    [InlineData("restore --acept-older FILE", "there is no option --acept-older; did you mean --accept-older?")]
    [InlineData("restore --rot DIR FILE", "there is no option --rot; did you mean --root?")]
    [InlineData("restore --nonsense", "there is no option --nonsense")]
    [InlineData("restore FILE more", "restore does not take more")]
    [InlineData("restore", "Required argument 'FILE' missing for command: 'restore'.")]
    public void Words_that_are_wrong_are_told_with_the_one_that_was_meant(string arguments, string expected)
    {
        var restore = new Command("restore") { new Argument<string>("FILE"), new Option<bool>("--accept-older") };
        var commands = new RootCommand { DaemonCommandLine.Root, restore, new Command("enroll") };
        Assert.Equal(expected, Assert.Single(DaemonCommandLine.Faults(commands.Parse(arguments.Split(' ')))));
        Assert.Empty(DaemonCommandLine.Faults(commands.Parse(["restore", "FILE"])));
    }

    [Theory]
    [InlineData(false, "qwamosd")]
    [InlineData(true, "gateway-policyd")]
    public void Replaced_key_is_said_to_be_believed_still_only_while_a_daemon_runs(bool isGateway, string daemon)
    {
        Assert.True(SystemPaths.TryCreate(_root, out SystemPaths? paths, out string? fault), fault);
        TrialTree.MakeMissing(paths);
        var replaced = new EnrolmentOutcome(EnrolmentResult.Replaced, null, null, null, "");
        Assert.EndsWith($"{daemon} believes the new key from its next start on: {daemon} --root {_root}", EnrollCommand.Sentence(replaced, paths, isGateway), StringComparison.Ordinal);
        Assert.Null(EnrollCommand.StillBelieved(paths, isGateway));
        Assert.Null(EnrollCommand.NotYetBelieved(paths, isGateway));
        Assert.True(FileLock.TryTake(isGateway ? paths.GatewayLockFile : paths.BusSocket + ".lock", out FileLock? held));
        using (held)
        {
            Assert.StartsWith($"\nTHE OLD KEY IS STILL BELIEVED: {daemon} runs", EnrollCommand.StillBelieved(paths, isGateway), StringComparison.Ordinal);
            Assert.StartsWith($"{daemon} runs since before, and believes it from its next start on: ", EnrollCommand.NotYetBelieved(paths, isGateway), StringComparison.Ordinal);
        }

        Assert.EndsWith($": systemctl restart {daemon}", EnrollCommand.Sentence(replaced, SystemPaths.Real, isGateway), StringComparison.Ordinal);
    }
}
