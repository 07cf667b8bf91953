"""Which model a call is given.

`rules` what tenant and platform want (values) · `engine` filter, score, pick (pure) · `bandit`
learning from outcomes (pure) · `standing` how models fare now · `policies` rules as stored, and as
this process knows them · `cache` decisions made a moment ago · `choosing` puts them together for a
call · `log` every decision, written in groups · `judging` what people say of answers · `shadow` the
same question to a second model · `verbs` what people do with all this.
"""
