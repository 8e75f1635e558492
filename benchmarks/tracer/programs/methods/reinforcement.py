# %% DQN with a target network in evaluation mode
online = nn.Sequential(nn.Linear(4, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2))
target = copy.deepcopy(online).eval()
optimizer = torch.optim.Adam(online.parameters())
for step in range(40):
    online.eval()
    with torch.no_grad():
        action = online(torch.randn(1, 4)).argmax(1)
    online.train()
    states, next_states, rewards = torch.randn(32, 4), torch.randn(32, 4), torch.randn(32)
    with torch.no_grad():
        goal = rewards + 0.99 * target(next_states).max(1).values
    optimizer.zero_grad()
    F.smooth_l1_loss(online(states).gather(1, torch.randint(2, (32, 1))).squeeze(1), goal).backward()
    optimizer.step()
    if step % 10 == 9:
        target.load_state_dict(online.state_dict())

# %% DDPG with targets that follow slowly
actor = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2), nn.Tanh())
critic = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
actor_target, critic_target = copy.deepcopy(actor), copy.deepcopy(critic)
a_optimizer, c_optimizer = torch.optim.Adam(actor.parameters()), torch.optim.Adam(critic.parameters())
for step in range(30):
    states, next_states = torch.randn(32, 6), torch.randn(32, 6)
    with torch.no_grad():
        goal = 0.1 + 0.99 * critic_target(torch.cat([next_states, actor_target(next_states)], 1))
    c_optimizer.zero_grad()
    F.mse_loss(critic(torch.cat([states, torch.randn(32, 2)], 1)), goal).backward()
    c_optimizer.step()
    a_optimizer.zero_grad()
    (-critic(torch.cat([states, actor(states)], 1)).mean()).backward()
    a_optimizer.step()
    for net, target in ((actor, actor_target), (critic, critic_target)):
        for p, t in zip(net.parameters(), target.parameters()):
            t.data.mul_(0.995).add_(p.data, alpha=0.005)

# %% Soft actor-critic with normalized critics: targets in evaluation mode, moved with buffers
class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, state, action):
        return self.body(torch.cat([state, action], 1))


actor = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2), nn.Tanh())
critic = Critic()
target = copy.deepcopy(critic).eval()
critic_optimizer = torch.optim.Adam(critic.parameters())
actor_optimizer = torch.optim.Adam(actor.parameters())
for step in range(16):
    state, action, reward, after = torch.randn(32, 6), torch.randn(32, 2), torch.randn(32, 1), torch.randn(32, 6)
    actor.eval()
    with torch.no_grad():
        goal = reward + 0.99 * target(after, actor(after))
    actor.train()
    critic.train()
    critic_optimizer.zero_grad()
    F.mse_loss(critic(state, action), goal).backward()
    critic_optimizer.step()
    critic.eval()
    actor_optimizer.zero_grad()
    (-critic(state, actor(state)).mean()).backward()
    actor_optimizer.step()
    with torch.no_grad():
        for old, new in zip(target.state_dict().values(), critic.state_dict().values()):
            old.copy_(0.95 * old + 0.05 * new)
