using Qwamos.ControlBus.Tests.Pipeline;
using Qwamos.Daemon.Delivery;
using Xunit;

namespace Qwamos.ControlBus.Tests.Delivery;

/// <summary>What is written of a domain, and how often.</summary>
public sealed partial class DomainCourierTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Attack23_DomainThatComesAndGoes_HasTheFileWrittenOnlyForWhatIsOther_AndThenNoFasterThanByItsReports(bool saysAnother)
    {
        ScriptedDomain domain = Domain("one");
        int greeted = 0;
        domain.Instead = message =>
        {
            if (Command(message) == "get_report")
                domain.Restart();
            if (Command(message) != "get_cursor" || ++greeted == 0 || !saysAnother)
                return null;
            return $$"""{"status":"ok","name":"one","class":"gateway","seq":{{domain.Sequence}},"index":{{domain.Index}},"size":{{domain.Size}},"trust_version":{{greeted}}}""";
        };
        Start("one");
        await TakenAsync("one", Set("RADIO_ISOLATION", "off"));
        await WhileMovingTimeAsync(() => greeted > 5);
        (int moved, int written, int from, DateTime last) = (0, 0, greeted, File.GetLastWriteTimeUtc(_bus.Paths.DomainsFile));
        await WhileMovingTimeAsync(() =>
        {
            DateTime now = File.GetLastWriteTimeUtc(_bus.Paths.DomainsFile);
            (written, last) = (now == last ? written : written + 1, now);
            moved++;
            return greeted > from + 60;
        });
        // Once in 2 s, and 8 at once in each minute.
        Assert.InRange(written, 0, saysAnother ? moved / 2 + 8 * (moved / 60 + 1) : 1);
    }
}
