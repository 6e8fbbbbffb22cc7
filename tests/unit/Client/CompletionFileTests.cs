using Xunit;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>The completion scripts that the packages install are those that the client prints.</summary>
public sealed class CompletionFileTests
{
    [Theory]
    [InlineData("bash", "qwamosctl.bash")]
    [InlineData("zsh", "_qwamosctl")]
    [InlineData("fish", "qwamosctl.fish")]
    public void A_packaged_script_is_the_one_that_is_printed(string shell, string file)
    {
        using ClientTrial trial = new();
        Assert.Equal(0, trial.RunBare(["completion", shell]));
        Assert.Equal(trial.Output, File.ReadAllText(Path.Combine(Repository.Root, "packaging/completions", file)));
    }
}
