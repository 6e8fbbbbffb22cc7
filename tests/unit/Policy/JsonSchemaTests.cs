using Qwamos.ControlBus.Policy;
using Xunit;
using static Qwamos.ControlBus.Tests.Policy.Changes;

namespace Qwamos.ControlBus.Tests.Policy;

public sealed class JsonSchemaTests
{
    [Theory]
    [InlineData("{\"$ref\":\"#/definitions/a\"}", "/", "$ref")]
    [InlineData("{\"properties\":{\"a\":{\"items\":{}}}}", "/properties/a", "items")]
    [InlineData("{\"properties\":{\"a/b~c\":{\"multipleOf\":2}}}", "/properties/a~1b~0c", "multipleOf")]
    [InlineData("{\"additionalProperties\":{\"if\":true}}", "/additionalProperties", "if")]
    [InlineData("{\"Type\":\"string\"}", "/", "Type")]
    [InlineData("{\"definitions\":{}}", "/", "definitions")]
    [InlineData("{\"readOnly\":true}", "/", "readOnly")]
    [InlineData("{\"format\":\"ipv4\"}", "/", "format")]
    public void Unknown_keyword_refuses_to_load_and_says_which_and_where(string schema, string where, string keyword)
    {
        Assert.False(JsonSchema.TryLoad(Parse(schema), out _, out var fault));
        Assert.StartsWith($"schema at {where}: \"{keyword}\"", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("null")]
    [InlineData("{\"type\":\"text\"}")]
    [InlineData("{\"type\":[]}")]
    [InlineData("{\"type\":[\"string\",\"string\"]}")]
    [InlineData("{\"type\":[\"string\",1]}")]
    [InlineData("{\"enum\":\"a\"}")]
    [InlineData("{\"properties\":[]}")]
    [InlineData("{\"properties\":{\"a\":1}}")]
    [InlineData("{\"required\":\"a\"}")]
    [InlineData("{\"required\":[1]}")]
    [InlineData("{\"required\":[\"a\",\"a\"]}")]
    [InlineData("{\"additionalProperties\":0}")]
    [InlineData("{\"minimum\":\"1\"}")]
    [InlineData("{\"exclusiveMinimum\":true}")]
    [InlineData("{\"minLength\":-1}")]
    [InlineData("{\"maxLength\":1.5}")]
    [InlineData("{\"maxLength\":\"2\"}")]
    [InlineData("{\"maxLength\":99999999999}")]
    [InlineData("{\"pattern\":1}")]
    [InlineData("{\"title\":1}")]
    [InlineData("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\"}")]
    public void Keyword_of_a_wrong_form_refuses_to_load(string schema)
    {
        Assert.False(JsonSchema.TryLoad(Parse(schema), out _, out var fault));
        Assert.StartsWith("schema at ", fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"maximum\":9007199254740992}", "9007199254740993", false)]
    [InlineData("{\"const\":9007199254740993}", "9007199254740992", false)]
    [InlineData("{\"const\":100}", "1.00e2", true)]
    [InlineData("{\"const\":0}", "-0.0", true)]
    [InlineData("{\"const\":0.1}", "1e-1", true)]
    [InlineData("{\"minimum\":-1.5}", "-1.50001", false)]
    [InlineData("{\"minimum\":-1.5}", "-1.4", true)]
    [InlineData("{\"exclusiveMaximum\":1e-7}", "0.0000001", false)]
    [InlineData("{\"type\":\"integer\"}", "1.5e1", true)]
    [InlineData("{\"type\":\"integer\"}", "1.55e1", false)]
    public void Numbers_are_compared_exactly(string schema, string value, bool isValid)
    {
        Assert.True(JsonSchema.TryLoad(Parse(schema), out var loaded, out _));
        Assert.Equal(isValid, loaded.Validate(Parse(value)).Count == 0);
    }

    [Fact]
    public void Attack20_number_with_an_enormous_exponent_is_compared_without_being_expanded()
    {
        Assert.Equal(1, ExactNumber.Parse("1e999999999999999999999").CompareTo(ExactNumber.Parse("999")));
        Assert.Equal(-1, ExactNumber.Parse("1e-999999999999999999999").CompareTo(ExactNumber.Parse("0.001")));
        Assert.Equal(-1, ExactNumber.Parse("-1e400").CompareTo(ExactNumber.Parse("-1")));
        Assert.True(ExactNumber.Parse("1e400").IsInteger);
        Assert.False(ExactNumber.Parse("1e-400").IsInteger);
    }

    [Fact]
    public void Schema_true_admits_all_and_false_nothing()
    {
        Assert.True(JsonSchema.TryLoad(Parse("true"), out var all, out _));
        Assert.True(JsonSchema.TryLoad(Parse("false"), out var none, out _));
        Assert.Empty(all.Validate(Parse("{\"a\":1}")));
        Assert.Single(none.Validate(Parse("{\"a\":1}")));
    }

    [Fact]
    public void Every_fault_is_reported_at_once_with_its_path()
    {
        Assert.True(JsonSchema.TryLoad(
            Parse("""{"required":["a"],"properties":{"b":{"properties":{"c":{"type":"integer","minimum":3}}},"d":{"enum":["x","y"]}},"additionalProperties":false}"""),
            out var schema,
            out _));
        var faults = schema.Validate(Parse("""{"b":{"c":1},"d":"z","e":0}"""));
        Assert.Equal(["a", "b/c", "d", "e"], faults.Select(fault => fault.Key));
        Assert.Equal("must be one of x, y", faults[2].Reason);
    }

    [Fact]
    public void Attack40_faults_do_not_repeat_the_value()
    {
        Assert.True(JsonSchema.TryLoad(Parse("""{"properties":{"a":{"type":"integer","enum":[1],"const":1,"pattern":"^x$","maxLength":3}}}"""), out var schema, out _));
        Assert.All(schema.Validate(Parse("""{"a":"SECRET"}""")), fault => Assert.DoesNotContain("SECRET", fault.Reason, StringComparison.Ordinal));
    }

    [Fact]
    public void Lengths_are_counted_in_code_points()
    {
        Assert.True(JsonSchema.TryLoad(Parse("""{"minLength":2,"maxLength":2}"""), out var schema, out _));
        Assert.Empty(schema.Validate(Parse("\"\U0001F4A9\U0001F4A9\"")));
        Assert.Single(schema.Validate(Parse("\"\U0001F4A9\"")));
        Assert.Single(schema.Validate(Parse("\"\U0001F4A9\U0001F4A9\U0001F4A9\"")));
    }
}
